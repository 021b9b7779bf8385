// tbb::concurrent_queue: many publishers, no bound of its own.
#include <tbb/concurrent_queue.h>

#include "credits.h"
#include "measure.h"
#include "systems.h"
#include "table_bus.h"

namespace peers {
namespace {

class TbbQueue {
 public:
  static constexpr std::string_view kName = "tbb_queue";

  TbbQueue(unsigned publishers, std::size_t capacity) : credits_(publishers, capacity) {}

  bool push(unsigned publisher, const Event& event) {
    if (!credits_.take(publisher)) {
      return false;
    }
    queue_.push(event);
    return true;
  }
  std::size_t push_batch(unsigned publisher, std::span<const Event> events) {
    std::size_t count = 0;
    while (count < events.size() && push(publisher, events[count])) {
      ++count;
    }
    return count;
  }
  std::size_t pop_batch(std::span<Event> room) {
    std::size_t count = 0;
    while (count < room.size() && queue_.try_pop(room[count])) {
      ++count;
    }
    credits_.give(room.first(count));
    return count;
  }

 private:
  tbb::concurrent_queue<Event> queue_;
  Credits credits_;
};

}  // namespace

Entry tbb_queue() { return make_entry<TableBus<TbbQueue>>(); }

}  // namespace peers
