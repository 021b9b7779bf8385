// moodycamel::ReaderWriterQueue: a list of rings for one publisher and one consumer.
#include <readerwriterqueue/readerwriterqueue.h>

#include "measure.h"
#include "one_by_one.h"
#include "polled_rings.h"
#include "systems.h"
#include "table_bus.h"

namespace peers {
namespace {

class ReaderWriterQueue {
 public:
  static constexpr std::string_view kName = "reader_writer_queue";

  explicit ReaderWriterQueue(std::size_t capacity) : queue_(capacity) {}

  bool push(const Event& event) { return queue_.try_enqueue(event); }  // never grows
  std::size_t push_batch(std::span<const Event> events) {
    return one_by_one(events, [&](const Event& event) { return queue_.try_enqueue(event); });
  }
  std::size_t pop_batch(std::span<Event> room) {
    return one_by_one(room, [&](Event& event) { return queue_.try_dequeue(event); });
  }

 private:
  moodycamel::ReaderWriterQueue<Event> queue_;
};

}  // namespace

Entry reader_writer_queue() { return make_entry<TableBus<PolledRings<ReaderWriterQueue>>>(); }

}  // namespace peers
