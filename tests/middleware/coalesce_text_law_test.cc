// The laws of CoalesceText, over any events, streams, windows and neighbours in the chain:
//  order: what comes out of a stream is what went in, piece by piece, ends at their places;
//  conservation: of events and of bytes, at every rest, and nothing is dropped;
//  bounds: of time, count, bytes and streams;
//  liveness: at rest only text of windows that are not full waits, and after drain nothing does.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "herald/coalesce_text.h"
#include "middleware/flow.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::agree;
using support::kLong;
using support::manual_bus;
using support::StillClock;

struct Setting {
  int window_minutes = 1;
  std::uint32_t max_events = 0;
  std::size_t max_bytes = 1;
  std::size_t max_streams = 1;
  bool passes_through = false;
  std::size_t max_emitted = 0;
  std::size_t copies_in_front = 0;  // what a middleware in front emits before each text
  bool noise_behind = false;        // one behind emits for each event, too
};
std::ostream& operator<<(std::ostream& out, const Setting& s) {
  return out << s.window_minutes << " min, " << s.max_events << " events, " << s.max_bytes
             << " bytes, " << s.max_streams << " streams, pass " << s.passes_through
             << ", max emitted " << s.max_emitted << ", copies " << s.copies_in_front << ", noise "
             << s.noise_behind;
}

rc::Gen<Setting> any_setting() {
  return rc::gen::build<Setting>(
      rc::gen::set(&Setting::window_minutes, rc::gen::inRange(1, 6)),
      rc::gen::set(&Setting::max_events, rc::gen::element<std::uint32_t>(0, 2, 3, 5)),
      rc::gen::set(&Setting::max_bytes, rc::gen::element<std::size_t>(1, 5, 32, 40, 200)),
      rc::gen::set(&Setting::max_streams, rc::gen::inRange<std::size_t>(1, 5)),
      rc::gen::set(&Setting::passes_through),
      rc::gen::set(&Setting::max_emitted, rc::gen::inRange<std::size_t>(0, 5)),
      rc::gen::set(&Setting::copies_in_front, rc::gen::inRange<std::size_t>(0, 4)),
      rc::gen::set(&Setting::noise_behind));
}

enum class Kind : std::uint8_t { kToken, kThought, kComplete, kError, kInfo };

struct Step {
  Kind kind = Kind::kToken;
  StreamId stream = 0;
  std::size_t bytes = 1;
  int minutes = 0;    // that pass before it
  bool rests = true;  // the bus is pumped behind it
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << "kind " << static_cast<int>(step.kind) << " stream " << step.stream << " bytes "
             << step.bytes << " after " << step.minutes << " min, rests " << step.rests;
}

rc::Gen<std::vector<Step>> any_steps() {
  const auto kind = rc::gen::weightedElement<Kind>({{12, Kind::kToken},
                                                    {3, Kind::kThought},
                                                    {2, Kind::kComplete},
                                                    {1, Kind::kError},
                                                    {1, Kind::kInfo}});
  return rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
      rc::gen::set(&Step::kind, kind),
      rc::gen::set(&Step::stream, rc::gen::inRange<StreamId>(0, 6)),
      rc::gen::set(&Step::bytes, rc::gen::inRange<std::size_t>(1, 12)),
      rc::gen::set(&Step::minutes, rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {1, 5}})),
      rc::gen::set(&Step::rests)));
}

// One event as CoalesceText was given it.
struct Piece {
  unsigned type = 0;
  std::string text;
  steady_clock::time_point dispatched;
  steady_clock::time_point published;
};

// The bus, and what went into and came out of the middleware. Violations are noted rather than
// asserted, because they are found inside callbacks.
class Bench {
 public:
  explicit Bench(const Setting& setting)
      : setting_(setting), bus_(manual_bus({.max_emitted_per_event = setting.max_emitted})) {
    const std::chrono::minutes window(setting.window_minutes);
    CoalesceText coalesce =
        CoalesceText::create({.types = kToken | thought_,
                              .window = window,
                              .max_events = setting.max_events,
                              .max_bytes = setting.max_bytes,
                              .max_streams = setting.max_streams,
                              .at_max_streams = setting.passes_through
                                                    ? CoalesceStreams::kPassThrough
                                                    : CoalesceStreams::kSendOldest,
                              .clock = clock_.reader()})
            .value();
    meter_ = std::make_unique<FlowMeter>(coalesce.meter());
    const TypeMask seen = coalesce.filter().types | kInfo;  // one that nobody need flush for
    add({.types = kToken | thought_}, [this](Event& event, Emitter& to) { copy(event, to); });
    add({.types = seen}, [this](Event& event, Emitter&) { note_in(event); });
    guards_.push_back(bus_.use({.types = seen}, std::move(coalesce)).value());
    add({.types = seen}, [this](Event&, Emitter& emitter) {
      if (setting_.noise_behind) {
        emitter.emit_after(kMetrics, {});
      }
    });
    guards_.push_back(
        bus_.subscribe({.types = seen}, [this](const Event& event) { note_out(event); }).value());
  }

  void take(const Step& step) {
    clock_.time += std::chrono::minutes(step.minutes);
    // Publish times that tell events apart, to far more than a conversion of clocks loses.
    const PublishOptions options{.stream = step.stream, .at = start_ + ++steps_ * 1s};
    const std::string text(step.bytes, static_cast<char>('a' + steps_ % 26));
    switch (step.kind) {
      case Kind::kToken:
        bus_.publish(kToken, text, options);
        break;
      case Kind::kThought:
        bus_.publish(thought_, text, options);
        break;
      case Kind::kComplete:
        bus_.publish(kComplete, {}, options);
        break;
      case Kind::kError:
        bus_.publish(kError, {.code = "failed", .message = {}}, options);
        break;
      case Kind::kInfo:
        bus_.publish(kInfo, "info", options);
        break;
    }
    if (step.rests) {
      rest();
    }
  }

  void rest() {
    settle();
    check_counts();
    for (const auto& [stream, pieces] : waiting_) {
      std::size_t bytes = 0;
      for (const Piece& piece : pieces) {
        RC_ASSERT(piece.type == kToken.index() || piece.type == thought_.index());
        bytes += piece.text.size();
      }
      RC_ASSERT(bytes < setting_.max_bytes);
      RC_ASSERT(setting_.max_events == 0 || pieces.size() < setting_.max_events);
    }
  }

  void end() {
    RC_ASSERT(bus_.drain(kLong).value().complete);
    check_counts();
    RC_ASSERT(meter_->read().events_held == 0);
    for (const auto& [stream, pieces] : waiting_) {
      RC_ASSERT(pieces.empty());
    }
  }

 private:
  template <typename F>
  void add(Filter filter, F&& call) {
    guards_.push_back(bus_.use(filter,
                               [call = std::forward<F>(call)](Event& e, Emitter& to) {
                                 call(e, to);
                                 return Verdict::kPass;
                               })
                          .value());
  }

  // What was put off comes at once, but not in the round that is running.
  void settle() {
    PumpResult result = bus_.pump();
    for (int round = 0; round < 100 && result.next_deadline <= steady_clock::now(); ++round) {
      result = bus_.pump();
    }
  }

  void check_counts() {
    RC_ASSERT(problems_.empty());
    const FlowStats flow = meter_->read();
    RC_ASSERT(static_cast<bool>(agree(bus_.stats(), flow)));
    RC_ASSERT(flow.events_dropped == 0u);
    RC_ASSERT(flow.bytes_dropped == 0u);
    RC_ASSERT(flow.bytes_in == bytes_in_);
    RC_ASSERT(flow.bytes_out == bytes_out_);
    RC_ASSERT(flow.events_in == events_in_);
    RC_ASSERT(flow.events_out == events_out_);
    RC_ASSERT(flow.events_held <= setting_.max_streams);
  }

  void copy(const Event& event, Emitter& emitter) {
    const std::string text(event.text());
    for (std::size_t i = 0; i < setting_.copies_in_front; ++i) {
      emitter.emit_before(kToken, text,
                          {.stream = event.stream() + i % 2, .at = event.publish_time()});
    }
  }

  void note_in(const Event& event) {
    ++events_in_;
    bytes_in_ += event.text().size();
    waiting_[event.stream()].push_back(
        {event.type_index(), std::string(event.text()), clock_.time, event.publish_time()});
  }

  void require(bool holds, const char* what) {
    if (!holds) {
      problems_.emplace_back(what);
    }
  }

  // Takes from what waits the pieces of which the event consists.
  void note_out(const Event& event) {
    ++events_out_;
    bytes_out_ += event.text().size();
    std::deque<Piece>& pieces = waiting_[event.stream()];
    if (pieces.empty()) {
      require(false, "came out without having gone in");
      return;
    }
    const Piece first = pieces.front();
    const auto age = event.publish_time() - first.published;
    require(std::chrono::abs(age) < 100ms, "publish time is not that of the first piece");
    std::string text(event.text());
    std::size_t count = 0;
    do {
      const Piece piece = pieces.front();
      pieces.pop_front();
      ++count;
      require(piece.type == event.type_index(), "type or place is wrong");
      require(text.compare(0, piece.text.size(), piece.text) == 0, "text or place is wrong");
      require(count == 1 || piece.dispatched - first.dispatched <
                                std::chrono::minutes(setting_.window_minutes),
              "joined beyond the window");
      text.erase(0, piece.text.size());
    } while (!text.empty() && !pieces.empty() && problems_.empty());
    require(text.empty(), "text is longer than what went in");
    require(count == 1 || event.text().size() <= setting_.max_bytes, "above max_bytes");
    require(setting_.max_events == 0 || count <= setting_.max_events, "above max_events");
  }

  const Setting setting_;
  StillClock clock_;
  Bus bus_;
  const EventType<Text> thought_ = bus_.define<Text>("thought").value();
  const steady_clock::time_point start_ = steady_clock::now() - 1h;
  int steps_ = 0;
  std::unique_ptr<FlowMeter> meter_;
  std::vector<std::string> problems_;
  std::map<StreamId, std::deque<Piece>> waiting_;
  std::uint64_t events_in_ = 0;
  std::uint64_t events_out_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::vector<Subscription> guards_;
};

RC_GTEST_PROP(CoalesceTextLaw, OrderConservationAndBoundsHold, ()) {
  Bench bench(*any_setting());
  for (const Step& step : *any_steps()) {
    bench.take(step);
  }
  bench.rest();
  bench.end();
}

}  // namespace
}  // namespace herald
