#include "verify_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "allocation_counter.h"
#include "interrupt.h"
#include "machine.h"
#include "quantity.h"
#include "verdict.h"

namespace herald::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds kWarmUp = 200ms;
constexpr nanoseconds kHeadStart = 5ms;  // for threads to wake up before the first event is due
constexpr nanoseconds kGrace = 1s;       // in which publishers that are behind may catch up
constexpr nanoseconds kPatience = 30s;   // for what is queued in the end
constexpr double kFastestRate = 20e6;    // events a second: more than one dispatcher does

std::uint64_t expected_events(const VerifyOptions& options, std::uint64_t subscribers) {
  const double seconds = std::chrono::duration<double>(options.duration).count();
  return static_cast<std::uint64_t>(options.rate_for(subscribers).value_or(kFastestRate) *
                                    seconds) +
         1;
}

std::size_t thread_count(std::size_t publishers) {
  const std::size_t cores = usable_processors().size();
  return std::min(publishers, std::max<std::size_t>(1, cores - 1));
}

double seconds_of(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

VerifyRun::Counters VerifyRun::Counters::now() noexcept {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return {allocation_count(), usage.ru_nivcsw};
}

VerifyRun::VerifyRun(const VerifyOptions& options, std::uint64_t subscribers,
                     ProgressLine& progress)
    : options_(options),
      progress_(progress),
      workload_({.subscribers = subscribers,
                 .publishers = options.publishers,
                 .types = options.types,
                 .selectivity = options.selectivity,
                 .payload_bytes = options.payload_bytes}),
      schedule_(options.rate_for(subscribers), options.publishers),
      samples_(expected_events(options, subscribers), kMostSamples),
      check_(workload_, schedule_, samples_) {
  row_.subscribers = subscribers;
  row_.publishers = options.publishers;
  row_.matching = workload_.matching();
  row_.rate_asked = options.rate_for(subscribers);
  row_.stride = samples_.stride();
}

absl::StatusOr<VerifyRow> VerifyRun::run() {
  if (const absl::Status built = build(); !built.ok()) {
    return built;
  }
  begin_phase();
  publish_for(kWarmUp, "warming up");
  sent_before_ = sent_in_all();
  if (deliver_all() && measure()) {
    audit();
  }
  name_culprits();
  end_bus();
  conclude();
  return std::move(row_);
}

absl::Status VerifyRun::build() {
  progress_.show("%s subscribers: subscribing", format_count(row_.subscribers).c_str());
  BusOptions bus_options = {.wait = options_.wait, .slo = options_.slo, .drain_on_destroy = 0s};
  std::vector<unsigned> processors = options_.pin;
  if (!processors.empty()) {
    bus_options.thread.processor = processors.front();
    processors.erase(processors.begin());
  }
  absl::StatusOr<Bus> bus = Bus::create(std::move(bus_options));
  if (!bus.ok()) {
    return bus.status();
  }
  bus_.emplace(*std::move(bus));
  absl::StatusOr<Topology> topology =
      build_topology(*bus_, workload_, check_, options_.slow_subscriber);
  if (!topology.ok()) {
    return topology.status();
  }
  topology_ = *std::move(topology);
  threads_.emplace(topology_.sources, thread_count(options_.publishers), schedule_,
                   std::move(processors));
  return absl::OkStatus();
}

void VerifyRun::publish_for(nanoseconds time, const char* what) {
  const std::function<void()> tick = [this, what] {
    progress_.show("%llu subscribers: %s, %.1f s",
                   static_cast<unsigned long long>(row_.subscribers), what,
                   seconds_of(std::chrono::steady_clock::now() - schedule_.origin()));
  };
  if (schedule_.is_open()) {
    threads_->run({schedule_.events_in(time), schedule_.origin() + time + kGrace}, tick);
  } else {
    threads_->run({0, schedule_.origin() + time}, tick);
  }
}

void VerifyRun::begin_phase() {
  schedule_.begin(std::chrono::steady_clock::now() + kHeadStart, sent());
}

bool VerifyRun::deliver_all() {
  const Instant begin = std::chrono::steady_clock::now();
  bool delivered = false;
  while (!delivered && !interrupted() && std::chrono::steady_clock::now() - begin < kPatience) {
    delivered = bus_->flush(200ms).ok();
    if (!delivered) {
      progress_.show("%llu subscribers: delivering what is queued",
                     static_cast<unsigned long long>(row_.subscribers));
    }
  }
  finished_ = std::chrono::steady_clock::now();
  row_.undelivered = delivered ? 0 : bus_->stats().queued;
  return delivered;
}

bool VerifyRun::measure() {
  histogram_before_ = bus_->latency().all.delivery.count();
  const BusStats stats_before = bus_->stats();
  stalls_before_ = stats_before.stalls.count;
  samples_.open();
  begin_phase();
  const Counters before = Counters::now();
  publish_for(options_.duration, "measuring");
  const Counters after = Counters::now();  // before flush(), which may allocate
  row_.allocations = after.allocations - before.allocations;
  const auto switches =
      static_cast<std::uint64_t>(after.involuntary_switches - before.involuntary_switches);
  const std::uint64_t looks = bus_->stats().watch.looks - stats_before.watch.looks;
  row_.involuntary_switches = switches - std::min(switches, looks);
  return deliver_all();
}

void VerifyRun::audit() {
  const BusStats stats = bus_->stats();
  if (!stats.conserved()) {
    row_.contradictions.emplace_back("the bus's own books do not balance");
  }
  const std::uint64_t ours = sent_in_all();
  contradict("events accepted", stats.total.accepted, ours);
  contradict("events dispatched", stats.dispatched, ours);
  const std::uint64_t slow_calls = topology_.slow == nullptr ? 0 : topology_.slow->calls();
  contradict("deliveries", stats.deliveries, check_.deliveries() + slow_calls);
  contradict("latencies in the bus's histogram",
             bus_->latency().all.delivery.count() - histogram_before_, ours - sent_before_);

  stalls_ = threads_->stalls();
  for (const Stall& stall : stats.stalls.recent) {
    stalls_.push_back({stall.begin, stall.end});
  }
  const std::uint64_t of_dispatcher = stats.stalls.count - stalls_before_;
  const std::uint64_t recorded = stats.stalls.recent.size();
  row_.stalls_unrecorded =
      threads_->stalls_unrecorded() + (of_dispatcher > recorded ? of_dispatcher - recorded : 0);
}

void VerifyRun::contradict(const char* what, std::uint64_t of_bus, std::uint64_t ours) {
  if (of_bus != ours) {
    row_.contradictions.push_back(std::string(what) + ": " + format_count(of_bus) +
                                  " by the bus, " + format_count(ours) + " by verify");
  }
}

void VerifyRun::name_culprits() {
  const BusStats stats = bus_->stats();
  for (const SubscriptionStats& each : stats.culprits) {
    if (is_culprit(each.strikes, stats.watch.strikes) && row_.culprits.size() < kMostCulprits) {
      row_.culprits.push_back(
          {each.name.empty() ? "subscriber " + std::to_string(each.id) : each.name, each.share,
           each.longest_stay, each.strikes});
    }
  }
}

void VerifyRun::drop_undelivered() {
  const auto guard =
      bus_->use({.types = TypeMask::all()}, [](const Event&, Emitter&) { return Verdict::kDrop; });
  static_cast<void>(bus_->flush(kPatience));
}

void VerifyRun::end_bus() {
  threads_.reset();
  if (row_.undelivered > 0) {
    drop_undelivered();
  }
  bus_.reset();
  topology_.subscriptions.clear();
}

void VerifyRun::conclude() {
  const std::vector<std::uint64_t> numbers = sent();
  row_.interrupted = interrupted();
  row_.faults = check_.conclude(numbers);
  // What is still queued is late, not lost.
  row_.faults.lost -= std::min(row_.faults.lost, row_.undelivered * workload_.matching());
  for (const auto& source : topology_.sources) {
    row_.faults.lost += source->refused() * workload_.matching();
  }
  row_.events = sent_in_all() - sent_before_;
  const std::uint64_t warm_up_deliveries = sent_before_ * workload_.matching();
  const std::uint64_t deliveries = check_.deliveries();
  row_.deliveries = deliveries > warm_up_deliveries ? deliveries - warm_up_deliveries : 0;
  if (schedule_.is_open() && !row_.interrupted) {
    const std::uint64_t due = schedule_.events_in(options_.duration);
    row_.unpublished = due - std::min(due, row_.events);
  }
  conclude_latency();
  judge(row_, options_);
}

void VerifyRun::conclude_latency() {
  const std::span<const Interval> samples = samples_.samples();
  // An open loop lasts until its last event is delivered, but not less than was asked for.
  nanoseconds time = finished_ - schedule_.origin();
  if (schedule_.is_open() && !row_.interrupted && row_.stride == 1 && !samples.empty()) {
    time = std::max(options_.duration, samples.back().end - schedule_.origin());
  }
  row_.seconds = std::max(0.0, seconds_of(time));
  row_.rate = row_.seconds > 0 ? static_cast<double>(row_.events) / row_.seconds : 0;
  row_.unsampled = samples_.overflow();
  row_.backlog_grows = schedule_.is_open() && backlog_grows(samples, options_.slo);
  row_.stalls = StalledTime(std::move(stalls_), {schedule_.origin(), finished_});

  std::vector<std::int64_t> all;
  std::vector<std::int64_t> unstalled;
  all.reserve(samples.size());
  unstalled.reserve(samples.size());
  for (const Interval& sample : samples) {
    // Closed loop: the bus's clock and ours may disagree by a few ns.
    const std::int64_t latency_ns = std::max<std::int64_t>(0, sample.length().count());
    all.push_back(latency_ns);
    if (!row_.stalls.overlaps(sample)) {
      unstalled.push_back(latency_ns);
    }
  }
  row_.all = Latencies(std::move(all));
  row_.unstalled = Latencies(std::move(unstalled));
}

std::vector<std::uint64_t> VerifyRun::sent() const {
  std::vector<std::uint64_t> numbers;
  for (const auto& source : topology_.sources) {
    numbers.push_back(source->sent());
  }
  return numbers;
}

std::uint64_t VerifyRun::sent_in_all() const {
  const std::vector<std::uint64_t> numbers = sent();
  return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
}

}  // namespace herald::cli
