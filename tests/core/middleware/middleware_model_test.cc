// Any chain of middleware on any events, against a model of a few lines: what comes out, in which
// order, and the law taken in + emitted = given out + dropped + held.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "herald/middleware.h"
#include "support/buses.h"

namespace herald {
namespace {

using support::make_publisher;
using support::manual_bus;
using support::Texts;

struct Message {
  StreamId stream = 0;
  std::string text;
};

// What one link does with an event that matches its filter.
struct Behaviour {
  std::optional<StreamId> stream;
  int before = 0;
  int after = 0;
  bool changes = false;
  bool moves_stream = false;  // to the next one
  bool resumes = false;       // everything it holds, first
  bool throws = false;        // instead of its verdict
  int verdict = 0;            // 0 pass, 1 drop, 2 hold

  [[nodiscard]] bool matches(StreamId of) const { return !stream.has_value() || *stream == of; }
};

std::ostream& operator<<(std::ostream& out, const Behaviour& link) {
  return out << "stream " << (link.stream ? std::to_string(*link.stream) : "any") << " before "
             << link.before << " after " << link.after << " changes " << link.changes << " moves "
             << link.moves_stream << " resumes " << link.resumes << " throws " << link.throws
             << " verdict " << link.verdict;
}

std::string emitted_text(std::size_t link, char where, const std::string& of) {
  return of + where + std::to_string(link);
}

// The model: as the contract has it, without a bus.
class Model {
 public:
  Model(const std::vector<Behaviour>& links, std::size_t bound)
      : links_(links), held_(links.size()), bound_(bound) {}

  void take(const Message& message) {
    sent_ = 0;
    run(message, 0);
  }

  Texts out;
  std::uint64_t emitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;

  [[nodiscard]] std::uint64_t held() const {
    std::uint64_t sum = 0;
    for (const auto& held : held_) {
      sum += held.size();
    }
    return sum;
  }

 private:
  void run(Message message, std::size_t from) {
    std::vector<std::pair<Message, std::size_t>> after;
    bool passed = true;
    for (std::size_t i = from; passed && i < links_.size(); ++i) {
      if (links_[i].matches(message.stream)) {
        passed = visit(i, message, after);
      }
    }
    if (passed) {
      out.push_back(message.text);
    }
    for (const auto& [next, position] : after) {
      run(next, position);
    }
  }

  bool visit(std::size_t i, Message& message, std::vector<std::pair<Message, std::size_t>>& after) {
    const Behaviour& link = links_[i];
    while (link.resumes && !held_[i].empty()) {
      if (sent_ > bound_) {
        ++refused;
        break;
      }
      ++sent_;
      const Message earlier = held_[i].front();
      held_[i].pop_front();
      run(earlier, i + 1);
    }
    for (int n = 0; n < link.before && may_emit(); ++n) {
      run({message.stream, emitted_text(i, '<', message.text)}, i + 1);
    }
    for (int n = 0; n < link.after && may_emit(); ++n) {
      after.push_back({{message.stream, emitted_text(i, '>', message.text)}, i + 1});
    }
    message.text += link.changes ? "!" : "";
    message.stream += link.moves_stream ? 1 : 0;
    if (link.throws || link.verdict == 0) {
      return true;
    }
    if (link.verdict == 1) {
      ++dropped;
    } else {
      held_[i].push_back(message);
    }
    return false;
  }
  bool may_emit() {
    if (sent_ >= bound_) {
      ++refused;
      return false;
    }
    ++sent_;
    ++emitted;
    return true;
  }

  const std::vector<Behaviour> links_;
  std::vector<std::deque<Message>> held_;
  const std::size_t bound_;
  std::size_t sent_ = 0;
};

// The same behaviour, for a bus.
class Link {
 public:
  Link(std::size_t index, const Behaviour& behaviour) : index_(index), behaviour_(behaviour) {}

  Verdict operator()(Event& event, Emitter& emitter) {
    while (behaviour_.resumes && !held_.empty() && emitter.resume(std::move(held_.front()))) {
      held_.pop_front();
    }
    const std::string text(event.text());
    const PublishOptions options{.stream = event.stream()};
    for (int n = 0; n < behaviour_.before; ++n) {
      if (!emitter.emit_before(kToken, emitted_text(index_, '<', text), options)) {
        break;
      }
    }
    for (int n = 0; n < behaviour_.after; ++n) {
      if (!emitter.emit_after(kToken, emitted_text(index_, '>', text), options)) {
        break;
      }
    }
    if (behaviour_.changes) {
      RC_ASSERT(event.set_text(text + "!"));
    }
    event.set_stream(event.stream() + (behaviour_.moves_stream ? 1 : 0));
    if (behaviour_.throws) {
      throw index_;
    }
    if (behaviour_.verdict == 2) {
      held_.push_back(std::move(event));
    }
    return static_cast<Verdict>(behaviour_.verdict);
  }

 private:
  std::size_t index_;
  Behaviour behaviour_;
  std::deque<Event> held_;
};

rc::Gen<Behaviour> any_behaviour() {
  const auto any_stream = rc::gen::map(rc::gen::inRange<StreamId>(0, 5), [](StreamId stream) {
    return stream < 3 ? std::optional<StreamId>(stream) : std::nullopt;
  });
  return rc::gen::build<Behaviour>(
      rc::gen::set(&Behaviour::stream, any_stream),
      rc::gen::set(&Behaviour::before, rc::gen::inRange(0, 3)),
      rc::gen::set(&Behaviour::after, rc::gen::inRange(0, 3)), rc::gen::set(&Behaviour::changes),
      rc::gen::set(&Behaviour::moves_stream), rc::gen::set(&Behaviour::resumes),
      rc::gen::set(&Behaviour::throws, rc::gen::weightedElement<bool>({{9, false}, {1, true}})),
      rc::gen::set(&Behaviour::verdict, rc::gen::weightedElement<int>({{4, 0}, {1, 1}, {2, 2}})));
}

static_assert(static_cast<int>(Verdict::kPass) == 0 && static_cast<int>(Verdict::kDrop) == 1 &&
              static_cast<int>(Verdict::kHold) == 2);

// Every sequence is one more than the last, whatever middleware drops and emits.
struct Output {
  Texts texts;
  bool dense = true;

  void add(const Event& event) {
    texts.emplace_back(event.text());
    dense = dense && event.sequence() == texts.size();
  }
};

void check_numbers(const BusStats& stats, const Model& model, std::size_t published) {
  RC_ASSERT(stats.total.accepted == published);
  RC_ASSERT(stats.dispatched == model.out.size());
  RC_ASSERT(stats.emitted == model.emitted);
  RC_ASSERT(stats.emit_refused == model.refused);
  RC_ASSERT(stats.middleware_dropped == model.dropped);
  RC_ASSERT(stats.held == model.held());
  RC_ASSERT(stats.conserved());
}

RC_GTEST_PROP(MiddlewareModel, ChainGivesOutWhatTheModelDoes, ()) {
  const auto links =
      *rc::gen::resize(5, rc::gen::container<std::vector<Behaviour>>(any_behaviour()));
  const auto bound = *rc::gen::inRange<std::size_t>(0, 8);
  const auto streams = *rc::gen::container<std::vector<StreamId>>(rc::gen::inRange<StreamId>(0, 3));
  const auto batch = *rc::gen::element<std::size_t>(1, 3, 256);

  Bus bus = manual_bus({.batch_events = batch, .max_emitted_per_event = bound});
  Model model(links, bound);
  std::vector<Subscription> guards;
  for (std::size_t i = 0; i < links.size(); ++i) {
    guards.push_back(
        bus.use({.types = kToken, .stream = links[i].stream}, Link(i, links[i])).value());
  }
  Output singles;
  Output batches;
  auto single =
      bus.subscribe({.types = kToken}, [&](const Event& event) { singles.add(event); }).value();
  auto spans = bus.subscribe_batch({.types = kToken},
                                   [&](std::span<const Event> events) {
                                     for (const Event& event : events) {
                                       batches.add(event);
                                     }
                                   })
                   .value();
  Publisher publisher = make_publisher(bus);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const std::string text = std::to_string(i);
    RC_ASSERT(publisher.publish(kToken, text, {.stream = streams[i]}) == PublishResult::kAccepted);
    model.take({streams[i], text});
  }
  bus.pump();
  RC_ASSERT(singles.texts == model.out);
  RC_ASSERT(batches.texts == model.out);
  RC_ASSERT(singles.dense && batches.dense);
  check_numbers(bus.stats(), model, streams.size());
}

}  // namespace
}  // namespace herald
