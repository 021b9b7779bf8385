// nng, PUB/SUB over inproc: a socket for each publisher and each subscriber, all subscribers'
// sockets read by one thread. Its publisher drops what a subscriber has no room for, so here a
// publisher waits: it may have as many deliveries under way as one socket holds.
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "backoff.h"
#include "credits.h"
#include "delivered.h"
#include "measure.h"
#include "processors.h"
#include "systems.h"

namespace peers {
namespace {

constexpr int kSocketEvents = 8'192;  // nng's most

void check(int error, const char* what) {
  if (error != 0) {
    std::cerr << "peer_bench: nng: " << what << ": " << nng_strerror(error) << '\n';
    std::exit(1);
  }
}

class Nng {
 public:
  static constexpr std::string_view kName = "nng";
  static constexpr Abilities kAbilities{
      .parks = true, .filters = false, .publishers = 16, .subscribers = 1'000};

  explicit Nng(const Setup& setup)
      : parks_(setup.wait == Wait::kPark),
        processor_(setup.processor),
        publishers_(setup.publishers),
        credits_(setup.publishers, kSocketEvents / std::max(setup.publishers, 1U)) {
    for (std::size_t i = 0; i < publishers_.size(); ++i) {
      check(nng_pub0_open(&publishers_[i]), "open");
      check(nng_socket_set_int(publishers_[i], NNG_OPT_SENDBUF, kSocketEvents), "buffer");
      check(nng_pipe_notify(publishers_[i], NNG_PIPE_EV_ADD_POST, &Nng::on_pipe, this), "notify");
      check(nng_listen(publishers_[i], address(i).c_str(), nullptr, 0), "listen");
    }
  }
  ~Nng() {
    for (const Subscribed& subscriber : subscribers_) {
      nng_close(subscriber.socket);
    }
    for (const nng_socket socket : publishers_) {
      nng_close(socket);
    }
  }
  Nng(const Nng&) = delete;
  Nng& operator=(const Nng&) = delete;

  template <typename Receiver>
  void subscribe(const Interest& /*interest*/, Receiver& receiver) {
    nng_socket socket;
    check(nng_sub0_open(&socket), "open");
    check(nng_socket_set_int(socket, NNG_OPT_RECVBUF, kSocketEvents), "buffer");
    check(nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0), "subscribe");
    for (std::size_t i = 0; i < publishers_.size(); ++i) {
      check(nng_dial(socket, address(i).c_str(), nullptr, 0), "dial");
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
    while (pipes_.load(std::memory_order_relaxed) < publishers_.size() * subscribers_.size()) {
      std::this_thread::yield();  // a count alone
    }
    reader_ = std::thread([this] {
      stay_on(processor_);
      read();
    });
  }

  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    Backoff backoff;
    while (!credits_.take(publisher, subscribers_.size())) {
      backoff.pause();
    }
    send({topic, publisher, 0, content});
  }
  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    for (const Content& content : contents) {
      publish(publisher, topic, content);
    }
  }

  void flush(const Totals& totals) const { delivered_.await(totals.deliveries); }

  void stop() {
    if (reader_.joinable()) {
      send({{kEnd, 0}, 0, 0, {}});
      reader_.join();
    }
  }

 private:
  static constexpr std::uint64_t kEnd = 1'000'000;
  static constexpr int kMostInARow = 256;

  struct Subscribed {
    nng_socket socket;
    void (*function)(void* receiver, const Event& event);
    void* receiver;
  };

  static std::string address(std::size_t publisher) {
    return "inproc://publisher" + std::to_string(publisher);
  }
  static void on_pipe(nng_pipe /*pipe*/, nng_pipe_ev /*event*/, void* self) {
    static_cast<Nng*>(self)->pipes_.fetch_add(1, std::memory_order_relaxed);  // a count alone
  }

  void send(Event event) {
    check(nng_send(publishers_[event.publisher], &event, sizeof(event), 0), "send");
  }

  void read() {
    std::uint64_t delivered = 0;
    while (!ended_) {
      bool may_sleep = parks_ && subscribers_.size() == 1;
      for (const Subscribed& subscriber : subscribers_) {
        delivered += read(subscriber, may_sleep);
      }
      delivered_.tell(delivered);
    }
  }

  std::uint64_t read(const Subscribed& subscriber, bool may_sleep) {
    std::uint64_t delivered = 0;
    Event event;
    for (int i = 0; i < kMostInARow; ++i) {
      std::size_t size = sizeof(event);
      const int flags = may_sleep && i == 0 ? 0 : NNG_FLAG_NONBLOCK;
      const int error = nng_recv(subscriber.socket, &event, &size, flags);
      if (error == NNG_EAGAIN) {
        break;
      }
      check(error, "receive");
      if (event.topic.type == kEnd) {
        ended_ = true;
        break;
      }
      subscriber.function(subscriber.receiver, event);
      credits_.give(static_cast<unsigned>(event.publisher), 1);
      ++delivered;
    }
    return delivered;
  }

  const bool parks_;
  const unsigned processor_;
  std::vector<nng_socket> publishers_;
  std::vector<Subscribed> subscribers_;
  Credits credits_;
  std::thread reader_;
  bool ended_ = false;  // the reader's
  std::atomic<std::size_t> pipes_{0};
  Delivered delivered_;
};

}  // namespace

Entry nng() { return make_entry<Nng>(); }

}  // namespace peers
