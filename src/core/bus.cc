// The public face: takes calls on a Bus, gives them to its runtime.
#include "herald/bus.h"

#include <utility>

#include "base/assert.h"
#include "core/runtime.h"

namespace herald {

Bus::Bus() {
  absl::StatusOr<Bus> made = create({});
  HERALD_ASSERT(made.ok(), made.status().ToString().c_str());
  *this = *std::move(made);
}

Bus::Bus(std::shared_ptr<core::Runtime> runtime) noexcept
    : runtime_(std::move(runtime)),
      resource_(runtime_->options().payload_resource),
      id_(runtime_->id()) {}

absl::StatusOr<Bus> Bus::create(BusOptions options) {
  absl::StatusOr<std::shared_ptr<core::Runtime>> runtime =
      core::Runtime::create(std::move(options));
  if (!runtime.ok()) {
    return runtime.status();
  }
  return Bus(*std::move(runtime));
}

Bus& Bus::operator=(Bus&& other) noexcept {
  if (this != &other) {
    if (runtime_ != nullptr) {
      runtime_->shut_down();
    }
    runtime_ = std::move(other.runtime_);
    resource_ = other.resource_;
    id_ = other.id_;
  }
  return *this;
}

Bus::~Bus() {
  if (runtime_ != nullptr) {
    runtime_->shut_down();
  }
}

absl::StatusOr<unsigned> Bus::define(std::string_view name, detail::PayloadId payload,
                                     bool terminal, detail::Encoder encoder) {
  return runtime_->define(name, payload, terminal, encoder);
}

absl::StatusOr<unsigned> Bus::find(std::string_view name, detail::PayloadId payload) const {
  return runtime_->types().find(name, payload);
}

std::string_view Bus::type_name(unsigned index) const noexcept {
  const core::TypeRegistry::Entry* entry = runtime_->types().entry(index);
  return entry == nullptr ? std::string_view() : std::string_view(entry->name);
}

bool Bus::is_terminal(unsigned index) const noexcept {
  const core::TypeRegistry::Entry* entry = runtime_->types().entry(index);
  return entry != nullptr && entry->terminal;
}

void Bus::encode(const Event& event, std::string& json) const {
  const core::TypeRegistry::Entry* entry = runtime_->types().entry(event.type_index());
  if (entry == nullptr || entry->encoder.call == nullptr) {
    json += "null";
    return;
  }
  entry->encoder.call(entry->encoder.typed, event, json);
}

std::uint32_t Bus::id_for(unsigned index) const noexcept {
  return index < core::TypeRegistry::kBuiltInTypes ? 0 : id_;
}

absl::StatusOr<Publisher> Bus::publisher(PublisherOptions options) {
  absl::StatusOr<core::PublisherCore*> opened = runtime_->open_publisher(std::move(options));
  if (!opened.ok()) {
    return opened.status();
  }
  return Publisher(std::shared_ptr<core::PublisherCore>(runtime_, *opened), resource_, id_);
}

absl::StatusOr<Subscription> Bus::subscribe(Filter filter, detail::Callback callback,
                                            SubscribeOptions&& options) {
  absl::StatusOr<std::shared_ptr<core::Attachment>> attachment =
      runtime_->subscribe(filter, std::move(callback), std::move(options));
  if (!attachment.ok()) {
    return attachment.status();
  }
  return Subscription(runtime_, *std::move(attachment));
}

absl::StatusOr<Mailbox> Bus::mailbox(Filter filter, MailboxOptions options) {
  return open_mailbox(filter, std::move(options));
}
absl::StatusOr<Mailbox> Bus::mailbox(MailboxOptions options) {
  return open_mailbox(std::nullopt, std::move(options));
}
absl::StatusOr<Mailbox> Bus::open_mailbox(const std::optional<Filter>& filter,
                                          MailboxOptions options) {
  absl::StatusOr<core::Runtime::OpenedMailbox> opened =
      runtime_->open_mailbox(filter, std::move(options));
  if (!opened.ok()) {
    return opened.status();
  }
  Subscription own;
  if (opened->own != nullptr) {
    own = Subscription(runtime_, std::move(opened->own));
  }
  return Mailbox(runtime_, std::move(opened->mailbox), std::move(own));
}

absl::StatusOr<Subscription> Bus::use(Filter filter, detail::MiddlewareCallback callback,
                                      MiddlewareOptions options) {
  absl::StatusOr<std::shared_ptr<core::Attachment>> attachment =
      runtime_->use(filter, std::move(callback), std::move(options));
  if (!attachment.ok()) {
    return attachment.status();
  }
  return Subscription(runtime_, *std::move(attachment));
}

PublishResult Bus::push(detail::EventSlot& slot, const PublishOptions& options) noexcept {
  return runtime_->shared().publish(slot, options);
}
PublishResult Bus::refuse() noexcept { return runtime_->shared().refuse(); }
bool Bus::closed() const noexcept { return runtime_->closed(); }

bool Bus::cancel(StreamId stream) noexcept { return runtime_->streams().cancel(stream); }

PumpResult Bus::pump(const PumpOptions& options) noexcept { return runtime_->pump(options); }
bool Bus::wait(std::chrono::nanoseconds timeout) noexcept { return runtime_->wait(timeout); }
absl::Status Bus::flush(std::chrono::nanoseconds timeout) { return runtime_->flush(timeout); }
void Bus::close() noexcept { runtime_->close(); }
absl::StatusOr<DrainReport> Bus::drain(std::chrono::nanoseconds timeout) {
  return runtime_->drain(timeout);
}
BusStats Bus::stats() const { return runtime_->stats(); }
LatencyReport Bus::latency() const { return runtime_->latency(); }

}  // namespace herald
