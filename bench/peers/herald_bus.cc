// Herald, through its public headers only: with its defaults, and with latency not measured.
#include <herald/herald.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "measure.h"
#include "systems.h"

namespace peers {
namespace {

constexpr std::chrono::seconds kLongest{60};  // of a flush: then the run has failed anyway

template <typename T>
T value_or_exit(absl::StatusOr<T> made) {
  if (!made.ok()) {
    std::cerr << "peer_bench: " << made.status() << '\n';
    std::exit(1);
  }
  return *std::move(made);
}

void exit_unless(const absl::Status& status) {
  if (!status.ok()) {
    std::cerr << "peer_bench: " << status << '\n';
    std::exit(1);
  }
}

class HeraldBus {
 public:
  static constexpr Abilities kAbilities{.parks = true, .adapts = true, .receives_batches = true};

  HeraldBus(const Setup& setup, bool latency) : bus_(make_bus(setup, latency)) {
    for (std::uint64_t i = 0; i < setup.types; ++i) {
      types_.push_back(value_or_exit(bus_.define<Content>("content" + std::to_string(i))));
    }
    for (unsigned i = 0; i < setup.publishers; ++i) {
      publishers_.push_back(
          value_or_exit(bus_.publisher({.capacity_events = setup.capacity_events})));
    }
  }

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    subscriptions_.push_back(value_or_exit(
        bus_.subscribe(types_[interest.type], interest.stream,
                       [&receiver](const Content& content, const herald::Event& /*event*/) {
                         receiver.take(content);
                       })));
  }
  template <typename Receiver>
  void subscribe_batch(const Interest& interest, Receiver& receiver) {
    const auto take = [&receiver](herald::Batch<Content> batch) {
      Receiver taking = receiver;
      for (const Content& content : batch) {
        taking.take(content);
      }
      receiver = taking;
    };
    subscriptions_.push_back(value_or_exit(bus_.subscribe_batch(types_[interest.type], take)));
  }

  void start() const noexcept {}

  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    publishers_[publisher].publish(types_[topic.type], content, {.stream = topic.stream});
  }
  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    publishers_[publisher].publish_batch(types_[topic.type], contents, {.stream = topic.stream});
  }

  void flush(const Totals& /*totals*/) { exit_unless(bus_.flush(kLongest)); }
  void stop() { exit_unless(bus_.drain(kLongest).status()); }

  /// What Herald says of its own memory.
  [[nodiscard]] std::size_t table_bytes() const { return bus_.stats().table_bytes; }

 private:
  static herald::Bus make_bus(const Setup& setup, bool latency) {
    herald::BusOptions options;
    options.thread.processor = setup.processor;
    options.latency = latency;
    options.wait = setup.wait == Wait::kSpin   ? herald::WaitStrategy::kSpin
                   : setup.wait == Wait::kPark ? herald::WaitStrategy::kPark
                                               : herald::WaitStrategy::kAdaptive;
    return value_or_exit(herald::Bus::create(std::move(options)));
  }

  herald::Bus bus_;
  std::vector<herald::EventType<Content>> types_;
  std::vector<herald::Publisher> publishers_;
  std::vector<herald::Subscription> subscriptions_;
};

// Both with the same callbacks, down to their addresses: where a function of some ten instructions
// lies decides about as much as what is compared here.
struct Tracked : HeraldBus {
  static constexpr std::string_view kName = "herald";
  explicit Tracked(const Setup& setup) : HeraldBus(setup, true) {}
};
struct Untracked : HeraldBus {
  static constexpr std::string_view kName = "herald_untracked";
  explicit Untracked(const Setup& setup) : HeraldBus(setup, false) {}
};

}  // namespace

Entry herald_tracked() { return make_entry<Tracked>(); }
Entry herald_untracked() { return make_entry<Untracked>(); }

}  // namespace peers
