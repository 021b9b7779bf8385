// tbb::concurrent_queue: many publishers, no bound of its own.
#include <tbb/concurrent_queue.h>

#include "credits.h"
#include "measure.h"
#include "one_by_one.h"
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
    return one_by_one(events, [&](const Event& event) { return push(publisher, event); });
  }
  std::size_t pop_batch(std::span<Event> room) {
    const std::size_t count = one_by_one(room, [&](Event& event) { return queue_.try_pop(event); });
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
