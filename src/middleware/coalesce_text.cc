// Joins the text events of one stream within a window.
#include "herald/coalesce_text.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "middleware/option_range.h"
#include "middleware/stream_slots.h"

namespace herald {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kMaxEvents = 1'048'576;
constexpr std::uint64_t kMaxBytes = 65'536;
constexpr std::uint64_t kMaxStreams = 1'048'576;

// The one event that is held for a stream: its text so far, or whatever had to wait behind text
// that could not be sent at once. Past its end nothing is joined to it.
struct Window {
  Event event = {};
  steady_clock::time_point end = {};
  std::uint32_t events = 0;
};

absl::Status check(const CoalesceTextOptions& options) {
  if (options.types.empty()) {
    return middleware::out_of_range("CoalesceTextOptions::types", "empty",
                                    "at least one type of text");
  }
  if (options.payload_resource == nullptr) {
    return middleware::out_of_range("CoalesceTextOptions::payload_resource", "null",
                                    "a memory resource");
  }
  if (options.max_events == 1 || options.max_events > kMaxEvents) {
    return middleware::out_of_range("CoalesceTextOptions::max_events", options.max_events,
                                    absl::StrCat("2 to ", kMaxEvents, ", or 0 for no limit"));
  }
  for (absl::Status status :
       {middleware::check_between("CoalesceTextOptions::window", options.window,
                                  std::chrono::microseconds(1), std::chrono::hours(1)),
        middleware::check_between("CoalesceTextOptions::max_bytes", options.max_bytes, 1,
                                  kMaxBytes),
        middleware::check_between("CoalesceTextOptions::max_streams", options.max_streams, 1,
                                  kMaxStreams)}) {
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Invariants:
//  1. A stream has a window exactly while an event of it is held, and then what comes of this
//     stream is joined to it or goes behind it. So the order within a stream is kept.
//  2. The bus counts as held exactly the events in windows: each is resumed once, or changes places
//     with the current event, which is then held in its stead.
//  3. Windows stand in order of their ends, and the bus is asked to wake us for the first of them.
class CoalesceText::Windows {
 public:
  explicit Windows(CoalesceTextOptions options)
      : options_(std::move(options)), windows_(options_.max_streams) {
    joined_.reserve(options_.max_bytes);
  }
  ~Windows() { ledger_->drop_held(); }
  Windows(const Windows&) = delete;
  Windows& operator=(const Windows&) = delete;

  [[nodiscard]] const std::shared_ptr<detail::FlowLedger>& ledger() const noexcept {
    return ledger_;
  }
  [[nodiscard]] const CoalesceTextOptions& options() const noexcept { return options_; }

  Verdict take(Event& event, Emitter& emitter) noexcept {
    ledger_->take(event.text().size());
    const Verdict verdict = decide(event, emitter);
    ask_to_wake(emitter);
    return verdict;
  }

  // Sends what is due, or everything if the bus drains. Nothing may be due: with a clock of our own
  // the bus wakes us by guess, and ask_to_wake() then asks for the rest of the time.
  void on_deadline(Emitter& emitter) noexcept {
    asked_for_ = kNotAsked;
    if (windows_.empty()) {
      return;
    }
    const steady_clock::time_point due = now() + kTolerance + options_.window / 1'024;
    while (!windows_.empty() && (emitter.draining() || first().end <= due) &&
           send(windows_.front(), emitter)) {
    }
    ask_to_wake(emitter);
  }

 private:
  using Row = detail::FlowLedger::Row;
  using Slots = middleware::StreamSlots<Window>;
  using Slot = Slots::Index;

  // The bus wakes us by another clock, which may be a little ahead of ours.
  static constexpr std::chrono::microseconds kTolerance{10};
  static constexpr steady_clock::time_point kNotAsked = steady_clock::time_point::max();

  Verdict decide(Event& event, Emitter& emitter) noexcept {
    const bool joins = may_join(event);
    const Slot slot = windows_.find(event.stream());
    if (slot != Slots::kNone) {
      if (joins && join(slot, event, emitter)) {
        return Verdict::kDrop;
      }
      if (!send(slot, emitter)) {
        return take_its_place(slot, event, joins);
      }
    }
    if (!joins) {
      return pass(event);
    }
    if (windows_.full()) {
      ledger_->add(Row::kAtStreamLimit);
      if (options_.at_max_streams == CoalesceStreams::kPassThrough) {
        return pass(event);
      }
      if (!send(windows_.front(), emitter)) {
        return take_place_of_oldest(event);
      }
    }
    ledger_->hold(event.text().size());
    open(windows_.insert(event.stream()), std::move(event));
    return Verdict::kHold;
  }

  // Empty text is told from what is no text by the fact that it can be set.
  bool may_join(Event& event) const noexcept {
    const std::string_view text = event.text();
    return options_.types.contains(event.type_index()) && text.size() < options_.max_bytes &&
           (!text.empty() || event.set_text({}));
  }

  // False if it does not fit behind the text of the window.
  bool join(Slot slot, const Event& event, Emitter& emitter) noexcept {
    Window& window = windows_[slot];
    const std::string_view before = window.event.text();
    const std::string_view text = event.text();
    const std::size_t bytes = before.size() + text.size();
    if (window.event.type_index() != event.type_index() || bytes > options_.max_bytes ||
        now() >= window.end) {
      return false;
    }
    joined_.assign(before).append(text);
    if (!text.empty() && !window.event.set_text(joined_, options_.payload_resource)) {
      ledger_->add(Row::kNoMemory);
      return false;
    }
    ledger_->join(text.size());
    ++window.events;
    if (window.events == options_.max_events || bytes == options_.max_bytes) {
      send(slot, emitter);
    }
    return true;
  }

  // False if the bus sends no more for the current event: it has to wait for the next chance.
  bool send(Slot slot, Emitter& emitter) noexcept {
    Window& window = windows_[slot];
    const std::size_t bytes = window.event.text().size();
    if (!emitter.resume(std::move(window.event))) {
      ledger_->add(Row::kSendsPutOff);
      make_due(slot);
      return false;
    }
    ledger_->release(bytes);
    windows_.erase(slot);
    return true;
  }

  // It ends now, and is the first. An earlier request for the same time need not stand any more, if
  // the clock is not the bus's.
  void make_due(Slot slot) noexcept {
    asked_for_ = kNotAsked;
    windows_[slot].end = now();
    windows_.move_to_front(slot);
  }

  void open(Slot slot, Event&& event) noexcept {
    windows_[slot] = {std::move(event), now() + options_.window, 1};
    windows_.move_to_back(slot);
  }

  Verdict pass(const Event& event) noexcept {
    ledger_->pass(event.text().size());
    return Verdict::kPass;
  }

  // What is held for its stream goes on in the place of the event, and the event is held.
  Verdict take_its_place(Slot slot, Event& event, bool joins) noexcept {
    Window& window = windows_[slot];
    event.swap(window.event);
    ledger_->release(event.text().size());
    ledger_->hold(window.event.text().size());
    if (joins) {
      open(slot, Event(std::move(window.event)));
    } else {
      make_due(slot);
    }
    return Verdict::kPass;
  }

  Verdict take_place_of_oldest(Event& event) noexcept {
    const Slot oldest = windows_.front();
    event.swap(windows_[oldest].event);
    Event newest = std::move(windows_[oldest].event);
    windows_.erase(oldest);
    ledger_->release(event.text().size());
    ledger_->hold(newest.text().size());
    const Slot slot = windows_.insert(newest.stream());
    open(slot, std::move(newest));
    return Verdict::kPass;
  }

  // Asks only when the first end is another one than asked for last.
  void ask_to_wake(Emitter& emitter) noexcept {
    if (windows_.empty() || first().end == asked_for_) {
      return;
    }
    asked_for_ = first().end;
    emitter.wake_at(options_.clock == nullptr ? asked_for_
                                              : steady_clock::now() + (asked_for_ - now()));
  }

  [[nodiscard]] Window& first() noexcept { return windows_[windows_.front()]; }
  [[nodiscard]] steady_clock::time_point now() const {
    return options_.clock == nullptr ? steady_clock::now() : options_.clock();
  }

  const CoalesceTextOptions options_;
  Slots windows_;       // in order of their ends
  std::string joined_;  // where text is put together; kept for its memory
  steady_clock::time_point asked_for_ = kNotAsked;
  std::shared_ptr<detail::FlowLedger> ledger_ = std::make_shared<detail::FlowLedger>();
};

absl::StatusOr<CoalesceText> CoalesceText::create(CoalesceTextOptions options) {
  if (absl::Status legal = check(options); !legal.ok()) {
    return legal;
  }
  return CoalesceText(std::make_unique<Windows>(std::move(options)));
}

CoalesceText::CoalesceText(std::unique_ptr<Windows> windows) noexcept
    : windows_(std::move(windows)) {}
CoalesceText::CoalesceText(CoalesceText&&) noexcept = default;
CoalesceText& CoalesceText::operator=(CoalesceText&&) noexcept = default;
CoalesceText::~CoalesceText() = default;

FlowMeter CoalesceText::meter() const noexcept { return FlowMeter(windows_->ledger()); }

Filter CoalesceText::filter() const noexcept {
  return {.types = windows_->options().types | windows_->options().flush_on};
}

Verdict CoalesceText::operator()(Event& event, Emitter& emitter) noexcept {
  return windows_->take(event, emitter);
}

void CoalesceText::on_deadline(Emitter& emitter) noexcept { windows_->on_deadline(emitter); }

}  // namespace herald
