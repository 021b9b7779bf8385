// ZeroMQ, PUB/SUB over inproc: a socket for each publisher and each subscriber, all subscribers'
// sockets read by one thread. The publisher's side is XPUB, which waits rather than drops.
#include <zmq.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "backoff.h"
#include "delivered.h"
#include "measure.h"
#include "processors.h"
#include "systems.h"

namespace peers {
namespace {

void check(bool done, const char* what) {
  if (!done) {
    std::cerr << "peer_bench: zeromq: " << what << ": " << zmq_strerror(zmq_errno()) << '\n';
    std::exit(1);
  }
}

class ZeroMq {
 public:
  static constexpr std::string_view kName = "zeromq";
  static constexpr Abilities kAbilities{.parks = true, .publishers = 16, .subscribers = 1'000};

  explicit ZeroMq(const Setup& setup)
      : context_(zmq_ctx_new()),
        high_water_(static_cast<int>(setup.capacity_events / 2)),  // on either side of a pipe
        parks_(setup.wait == Wait::kPark),
        processor_(setup.processor) {
    check(zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, 2'000) == 0, "sockets");
    const int yes = 1;
    for (unsigned i = 0; i < setup.publishers; ++i) {
      void* const socket = zmq_socket(context_, ZMQ_XPUB);
      check(socket != nullptr, "socket");
      set(socket, ZMQ_SNDHWM, high_water_);
      set(socket, ZMQ_XPUB_NODROP, yes);
      set(socket, ZMQ_XPUB_VERBOSE, yes);
      check(zmq_bind(socket, address(i).c_str()) == 0, "bind");
      publishers_.push_back(socket);
    }
  }
  ~ZeroMq() {
    for (const Subscribed& subscriber : subscribers_) {
      zmq_close(subscriber.socket);
    }
    for (void* const socket : publishers_) {
      zmq_close(socket);
    }
    zmq_ctx_term(context_);
  }
  ZeroMq(const ZeroMq&) = delete;
  ZeroMq& operator=(const ZeroMq&) = delete;

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    void* const socket = zmq_socket(context_, ZMQ_SUB);
    check(socket != nullptr, "socket");
    set(socket, ZMQ_RCVHWM, high_water_);
    const Topic prefix{interest.type, interest.stream.value_or(0)};
    const std::size_t size = interest.stream.has_value() ? sizeof(Topic) : sizeof(prefix.type);
    check(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, &prefix, size) == 0, "subscribe");
    if (subscribers_.empty()) {
      check(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, &kEnd, sizeof(kEnd)) == 0, "subscribe");
    }
    for (std::size_t i = 0; i < publishers_.size(); ++i) {
      check(zmq_connect(socket, address(i).c_str()) == 0, "connect");
    }
    subscribers_.push_back({socket,
                            [](void* object, const Event& event) {
                              static_cast<Receiver*>(object)->take(event.content);
                            },
                            &receiver});
  }

  void start() {
    if (subscribers_.empty()) {
      return;
    }
    for (void* const socket : publishers_) {
      for (std::size_t i = 0; i < subscribers_.size() + 1; ++i) {  // and the end's
        char subscription[32];
        check(zmq_recv(socket, subscription, sizeof(subscription), 0) > 0, "subscription");
      }
    }
    reader_ = std::thread([this] {
      stay_on(processor_);
      read();
    });
  }

  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    const Event event{topic, publisher, 0, content};
    check(zmq_send(publishers_[publisher], &event, sizeof(event), 0) == sizeof(event), "send");
  }
  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    for (const Content& content : contents) {
      publish(publisher, topic, content);
    }
  }

  void flush(const Totals& totals) const { delivered_.await(totals.deliveries); }

  void stop() {
    if (reader_.joinable()) {
      publish(0, {kEnd, 0}, {});
      reader_.join();
    }
  }

 private:
  static constexpr std::uint64_t kEnd = 1'000'000;  // a type that nobody else wants
  static constexpr int kMostInARow = 256;

  struct Subscribed {
    void* socket;
    void (*function)(void* receiver, const Event& event);
    void* receiver;
  };

  static void set(void* socket, int option, int value) {
    check(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0, "option");
  }
  static std::string address(std::size_t publisher) {
    return "inproc://publisher" + std::to_string(publisher);
  }

  void read() {
    std::vector<zmq_pollitem_t> items;
    for (const Subscribed& subscriber : subscribers_) {
      items.push_back({subscriber.socket, 0, ZMQ_POLLIN, 0});
    }
    std::uint64_t delivered = 0;
    while (!ended_) {
      if (parks_) {
        zmq_poll(items.data(), static_cast<int>(items.size()), -1);
      }
      for (const Subscribed& subscriber : subscribers_) {
        delivered += read(subscriber);
      }
      delivered_.tell(delivered);
    }
  }

  std::uint64_t read(const Subscribed& subscriber) {
    std::uint64_t delivered = 0;
    Event event;
    for (int i = 0; i < kMostInARow; ++i) {
      if (zmq_recv(subscriber.socket, &event, sizeof(event), ZMQ_DONTWAIT) < 0) {
        break;
      }
      if (event.topic.type == kEnd) {
        ended_ = true;
        break;
      }
      subscriber.function(subscriber.receiver, event);
      ++delivered;
    }
    return delivered;
  }

  void* const context_;
  const int high_water_;
  const bool parks_;
  const unsigned processor_;
  std::vector<void*> publishers_;
  std::vector<Subscribed> subscribers_;
  std::thread reader_;
  bool ended_ = false;  // the reader's
  Delivered delivered_;
};

}  // namespace

Entry zeromq() { return make_entry<ZeroMq>(); }

}  // namespace peers
