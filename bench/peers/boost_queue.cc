// Boost.Lockfree queue: many publishers, a fixed number of nodes.
#include <boost/lockfree/queue.hpp>

#include "measure.h"
#include "systems.h"
#include "table_bus.h"

namespace peers {
namespace {

class BoostQueue {
 public:
  static constexpr std::string_view kName = "boost_queue";

  BoostQueue(unsigned publishers, std::size_t capacity) : queue_(publishers * capacity) {}

  bool push(unsigned /*publisher*/, const Event& event) { return queue_.bounded_push(event); }
  std::size_t push_batch(unsigned publisher, std::span<const Event> events) {
    std::size_t count = 0;
    while (count < events.size() && push(publisher, events[count])) {
      ++count;
    }
    return count;
  }
  std::size_t pop_batch(std::span<Event> room) {
    std::size_t count = 0;
    while (count < room.size() && queue_.pop(room[count])) {
      ++count;
    }
    return count;
  }

 private:
  boost::lockfree::queue<Event> queue_;
};

}  // namespace

Entry boost_queue() { return make_entry<TableBus<BoostQueue>>(); }

}  // namespace peers
