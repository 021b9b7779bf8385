// The yardstick of filters: one thread asks every subscriber's filter for each event.
#include <cstdint>
#include <vector>

#include "measure.h"
#include "same_thread.h"
#include "systems.h"

namespace peers {
namespace {

class LinearScan : public SameThread<LinearScan> {
 public:
  static constexpr std::string_view kName = "linear_scan";

  explicit LinearScan(const Setup& /*setup*/) {}

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    entries_.push_back({std::uint64_t{1} << interest.type, interest.stream.has_value(),
                        interest.stream.value_or(0),
                        [](void* object, const Event& event) {
                          static_cast<Receiver*>(object)->take(event.content);
                        },
                        &receiver});
  }
  void deliver(const Event& event) const {
    for (const FilteredEntry& entry : entries_) {
      if (((entry.types >> event.topic.type) & 1U) != 0 &&
          (!entry.one_stream || entry.stream == event.topic.stream)) {
        entry.function(entry.receiver, event);
      }
    }
  }

 private:
  struct FilteredEntry {
    std::uint64_t types;
    bool one_stream;
    std::uint64_t stream;
    void (*function)(void* receiver, const Event& event);
    void* receiver;
  };

  std::vector<FilteredEntry> entries_;
};

}  // namespace

Entry linear_scan() { return make_entry<LinearScan>(); }

}  // namespace peers
