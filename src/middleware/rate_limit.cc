// Drops events above a rate for each type and for each stream.
#include "herald/rate_limit.h"

#include <array>
#include <cstdint>
#include <utility>

#include "middleware/option_range.h"
#include "middleware/stream_slots.h"

namespace herald {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kMaxEvents = 1'000'000;
constexpr std::uint64_t kMaxStreams = 1'048'576;

// One event is per_ns_ credits, and each nanosecond brings events_ of them: whole numbers, so that
// nothing is ever rounded. At most kMaxEvents * 1 h, which fits.
struct Bucket {
  std::uint64_t credit = 0;
  std::int64_t filled_ns = 0;  // when credit was so much
};

class Filling {
 public:
  explicit Filling(const Rate& rate) noexcept
      : events_(rate.events),
        per_ns_(static_cast<std::uint64_t>(rate.per.count())),
        full_(rate.burst * per_ns_) {}

  [[nodiscard]] bool limits() const noexcept { return events_ != 0; }
  [[nodiscard]] Bucket full_bucket(std::int64_t now_ns) const noexcept { return {full_, now_ns}; }
  [[nodiscard]] bool is_full(const Bucket& bucket) const noexcept { return bucket.credit == full_; }
  [[nodiscard]] bool has_one(const Bucket& bucket) const noexcept {
    return bucket.credit >= per_ns_;
  }
  void take_one(Bucket& bucket) const noexcept { bucket.credit -= per_ns_; }

  void fill(Bucket& bucket, std::int64_t now_ns) const noexcept {
    if (now_ns <= bucket.filled_ns) {
      return;
    }
    const std::uint64_t passed_ns =
        static_cast<std::uint64_t>(now_ns) - static_cast<std::uint64_t>(bucket.filled_ns);
    const std::uint64_t room = full_ - bucket.credit;
    // Compared by division: the product of a long time would not fit.
    bucket.credit = passed_ns > room / events_ ? full_ : bucket.credit + passed_ns * events_;
    bucket.filled_ns = now_ns;
  }

 private:
  std::uint64_t events_;
  std::uint64_t per_ns_;
  std::uint64_t full_;
};

absl::Status check(const std::string& name, const Rate& rate) {
  for (absl::Status status :
       {middleware::check_between(absl::StrCat(name, ".events"), rate.events, 0, kMaxEvents),
        middleware::check_between(absl::StrCat(name, ".per"), rate.per,
                                  std::chrono::microseconds(1), std::chrono::hours(1)),
        middleware::check_between(absl::StrCat(name, ".burst"), rate.burst, 1, kMaxEvents)}) {
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

class RateLimit::Buckets {
 public:
  explicit Buckets(RateLimitOptions options)
      : options_(std::move(options)),
        type_filling_(options_.per_type),
        stream_filling_(options_.per_stream),
        streams_(stream_filling_.limits() ? options_.max_streams : 0) {
    const std::int64_t now_ns = now();
    types_.fill(type_filling_.full_bucket(now_ns));
    shared_ = stream_filling_.full_bucket(now_ns);
  }

  [[nodiscard]] const std::shared_ptr<detail::FlowLedger>& ledger() const noexcept {
    return ledger_;
  }

  Verdict take(const Event& event) noexcept {
    const std::size_t bytes = event.text().size();
    ledger_->take(bytes);
    if (!options_.always.contains(event.type_index()) && !grant(event)) {
      ledger_->drop(bytes);
      return Verdict::kDrop;
    }
    ledger_->pass(bytes);
    return Verdict::kPass;
  }

 private:
  using Row = detail::FlowLedger::Row;
  using Streams = middleware::StreamSlots<Bucket>;

  bool grant(const Event& event) noexcept {
    const std::int64_t now_ns = now();
    Bucket* of_type = type_filling_.limits() ? &types_[event.type_index()] : nullptr;
    if (of_type != nullptr) {
      type_filling_.fill(*of_type, now_ns);
      if (!type_filling_.has_one(*of_type)) {
        ledger_->add(Row::kDroppedByType);
        return false;
      }
    }
    if (stream_filling_.limits()) {
      Bucket& of_stream = stream_bucket(event.stream(), now_ns);
      stream_filling_.fill(of_stream, now_ns);
      if (!stream_filling_.has_one(of_stream)) {
        ledger_->add(Row::kDroppedByStream);
        return false;
      }
      stream_filling_.take_one(of_stream);
    }
    if (of_type != nullptr) {
      type_filling_.take_one(*of_type);
    }
    return true;
  }

  Bucket& stream_bucket(StreamId stream, std::int64_t now_ns) noexcept {
    Streams::Index slot = streams_.find(stream);
    if (slot != Streams::kNone) {
      streams_.move_to_back(slot);
      return streams_[slot];
    }
    if (streams_.full() && !forget_one(now_ns)) {
      return shared_;
    }
    // It begins as the shared bucket stands, so that no stream gets more by changing from it to one
    // of its own. Where streams are forgotten, nobody takes from it, and it is full.
    stream_filling_.fill(shared_, now_ns);
    slot = streams_.insert(stream);
    streams_[slot] = shared_;
    return streams_[slot];
  }

  // Only the stream unused for longest is looked at: it is the likeliest to be full again.
  bool forget_one(std::int64_t now_ns) noexcept {
    const Streams::Index oldest = streams_.front();
    stream_filling_.fill(streams_[oldest], now_ns);
    if (!stream_filling_.is_full(streams_[oldest])) {
      ledger_->add(Row::kAtStreamLimit);
      if (options_.at_max_streams == RateLimitStreams::kShareOne) {
        return false;
      }
    }
    streams_.erase(oldest);
    return true;
  }

  [[nodiscard]] std::int64_t now() const {
    const steady_clock::time_point time =
        options_.clock == nullptr ? steady_clock::now() : options_.clock();
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
  }

  const RateLimitOptions options_;
  const Filling type_filling_;
  const Filling stream_filling_;
  std::array<Bucket, 64> types_;
  Streams streams_;  // in order of last use
  Bucket shared_;    // of the streams that find no slot
  std::shared_ptr<detail::FlowLedger> ledger_ = std::make_shared<detail::FlowLedger>();
};

absl::StatusOr<RateLimit> RateLimit::create(RateLimitOptions options) {
  for (absl::Status status : {check("RateLimitOptions::per_type", options.per_type),
                              check("RateLimitOptions::per_stream", options.per_stream),
                              middleware::check_between("RateLimitOptions::max_streams",
                                                        options.max_streams, 1, kMaxStreams)}) {
    if (!status.ok()) {
      return status;
    }
  }
  return RateLimit(std::make_unique<Buckets>(std::move(options)));
}

RateLimit::RateLimit(std::unique_ptr<Buckets> buckets) noexcept : buckets_(std::move(buckets)) {}
RateLimit::RateLimit(RateLimit&&) noexcept = default;
RateLimit& RateLimit::operator=(RateLimit&&) noexcept = default;
RateLimit::~RateLimit() = default;

FlowMeter RateLimit::meter() const noexcept { return FlowMeter(buckets_->ledger()); }

Verdict RateLimit::operator()(Event& event, Emitter&) noexcept { return buckets_->take(event); }

}  // namespace herald
