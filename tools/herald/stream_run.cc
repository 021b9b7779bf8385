#include "stream_run.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "herald/coalesce_text.h"
#include "interrupt.h"
#include "pace.h"
#include "quantity.h"
#include "terminal.h"

namespace herald::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr StreamId kStream = 1;
constexpr auto kLook = 50ms;            // between looks at what may cancel the stream
constexpr nanoseconds kPatience = 30s;  // for what is queued in the end

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

StreamRun::StreamRun(const StreamOptions& options, InputFile input)
    : options_(options),
      source_(std::move(input), options.format),
      output_(STDOUT_FILENO),
      transcript_(output_, options.form) {
  result_.input = source_.input().title();
  result_.subscribers = options.subscribers;
}

absl::StatusOr<StreamResult> StreamRun::run() {
  if (const absl::Status built = build(); !built.ok()) {
    return built;
  }
  {
    TokenStream stream(*publisher_, kStream);
    if (!stream.status().ok()) {
      return stream.status();
    }
    publish(stream);
    end(stream);
    result_.stream = stream.report();
  }
  deliver_all();
  audit();
  end_bus();
  conclude();
  return std::move(result_);
}

absl::Status StreamRun::build() {
  absl::StatusOr<Bus> bus =
      Bus::create({.wait = options_.wait, .slo = options_.slo, .drain_on_destroy = 0s});
  if (!bus.ok()) {
    return bus.status();
  }
  bus_.emplace(*std::move(bus));
  const Filter filter{.types = kToken | kComplete | kError | kInfo | kMetrics, .stream = kStream};
  // Of all streams, there is but one: with a stream in its filter it would get spans of one event.
  auto writer = bus_->subscribe_batch(
      {.types = filter.types},
      [this](std::span<const Event> events) { transcript_.take(*bus_, events); },
      {.name = "writer"});
  if (!writer.ok()) {
    return writer.status();
  }
  writer_ = *std::move(writer);
  absl::Status status = audience_.subscribe(*bus_, filter, options_.subscribers - 1);
  status.Update(add_coalescer(filter));
  auto publisher = bus_->publisher({.name = "stream", .capacity_events = kLaneEvents});
  status.Update(publisher.status());
  if (status.ok()) {
    publisher_.emplace(*std::move(publisher));
  }
  return status;
}

// It sees every type, so that none overtakes the text.
absl::Status StreamRun::add_coalescer(const Filter& filter) {
  if (!options_.coalesce.has_value()) {
    return absl::OkStatus();
  }
  absl::StatusOr<CoalesceText> coalesce = CoalesceText::create({.window = *options_.coalesce});
  if (!coalesce.ok()) {
    return coalesce.status();
  }
  coalescer_meter_ = coalesce->meter();
  absl::StatusOr<Subscription> guard =
      bus_->use(filter, *std::move(coalesce), {.name = "coalesce"});
  if (!guard.ok()) {
    return guard.status();
  }
  coalescer_ = *std::move(guard);
  return absl::OkStatus();
}

void StreamRun::publish(TokenStream& stream) {
  prctl(PR_SET_TIMERSLACK, 1);  // else the kernel may wake this thread 50 us late on purpose
  Pace pace(options_.rate, now());
  while (!source_.at_end() && !cancelled(stream)) {
    const std::string_view token = source_.next();
    if (token.empty()) {
      output_.look_at_reader();
      continue;
    }
    if (!wait_for_room(stream) || !wait_until(pace.next(now()), stream)) {
      return;
    }
    stream.token(token);
    sent_.add(token);
  }
}

bool StreamRun::wait_for_room(const TokenStream& stream) {
  // Ill-formed bytes grow on their way, so that more may be delivered than was sent.
  while (output_.unwritten_bytes() > kMostWaitingBytes ||
         sent_.bytes() > transcript_.delivered_bytes() + kMostWaitingBytes) {
    if (cancelled(stream)) {
      return false;
    }
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

bool StreamRun::wait_until(Instant due, const TokenStream& stream) {
  for (Instant time = now(); time < due; time = now()) {
    if (due - time > kLook) {
      output_.look_at_reader();
    }
    if (cancelled(stream)) {
      return false;
    }
    std::this_thread::sleep_for(std::min<nanoseconds>(due - time, kLook));
  }
  return true;
}

bool StreamRun::cancelled(const TokenStream& stream) {
  if (interrupted() || output_.error() != 0) {
    bus_->cancel(kStream);
  }
  return stream.stop_requested();
}

// After a cancellation the stream makes `cancelled` of any end.
void StreamRun::end(TokenStream& stream) {
  stream.update_metrics();
  std::optional<Error> error = source_.error();
  if (error.has_value()) {
    stream.error(*std::move(error));
    return;
  }
  Usage usage = source_.usage();
  if (usage.completion_tokens == 0) {
    usage.completion_tokens = static_cast<std::uint32_t>(stream.report().tokens);
  }
  stream.complete(source_.finish_reason(), usage);
}

void StreamRun::deliver_all() {
  const Instant begin = now();
  bool delivered = false;
  while (!delivered && now() - begin < kPatience) {
    delivered = bus_->flush(200ms).ok();
  }
  // A reader may take as long as it likes; Ctrl-C is there for who does not.
  while (!output_.settle(kLook) && !interrupted()) {
  }
}

void StreamRun::audit() {
  const BusStats stats = bus_->stats();
  const LatencyReport latency = bus_->latency();
  result_.events = stats.dispatched;
  result_.deliveries = stats.deliveries;
  result_.delivery = latency.all.delivery;
  result_.within_slo = latency.within_slo();
  result_.stalls = stats.stalls;
  if (coalescer_meter_.has_value()) {
    result_.events_joined = coalescer_meter_->read().events_joined;
  }
  if (stats.exceptions > 0) {
    fault(format_count(stats.exceptions, "event") + " not written: there was no memory");
  }
  all_delivered_ = stats.queued == 0 && stats.exceptions == 0;
  if (stats.queued > 0) {
    fault(format_count(stats.queued, "event") +
          " not delivered in time: lower --rate or --subscribers");
  } else if (!stats.conserved()) {
    fault("a broken promise of Herald: the bus's own books do not balance");
  }
}

void StreamRun::end_bus() {
  publisher_.reset();
  bus_.reset();
}

void StreamRun::conclude() {
  const InputFile& input = source_.input();
  result_.input_is_empty = input.at_end() && input.status().ok() && input.read_bytes() == 0;
  result_.interrupted = interrupted();
  result_.complete = transcript_.complete();
  result_.error = transcript_.error();
  result_.text_bytes = transcript_.text().bytes();
  result_.ends_with_line_end = transcript_.ends_with_line_end();
  if (!input.status().ok()) {
    fault(std::string(input.status().message()));
  } else if (result_.error.has_value()) {
    fault("error " + one_line(result_.error->code) + ": " + one_line(result_.error->message));
  }
  conclude_output();
  conclude_delivery();
}

void StreamRun::conclude_output() {
  result_.pipe_closed = output_.error() == EPIPE;
  if (output_.error() != 0 && !result_.pipe_closed) {
    fault(std::string("cannot write the output: ") + std::strerror(output_.error()));
  }
}

void StreamRun::conclude_delivery() {
  const TokenStreamReport& stream = result_.stream;
  if (stream.ill_formed > 0) {
    fault(format_count(stream.ill_formed, "ill-formed UTF-8 sequence") + ", the first at byte " +
          format_count(stream.first_ill_formed_offset) + " of the text; each became U+FFFD");
  }
  if (stream.lost_events > 0) {
    fault(format_count(stream.lost_events, "token") + " not taken by the bus");
  }
  if (!all_delivered_) {
    return;  // audit() has said so; what is missing breaks no promise
  }
  const std::size_t different = audience_.count_different(transcript_.tally());
  if (different > 0) {
    fault("a broken promise of Herald: " + format_count(different, "subscriber") +
          " did not get what the writer got");
  }
  const bool comparable = stream.ill_formed == 0 && stream.lost_events == 0;
  if (transcript_.ends() != 1 || (comparable && transcript_.text() != sent_)) {
    fault("a broken promise of Herald: the writer did not get what was sent");
  }
}

}  // namespace herald::cli
