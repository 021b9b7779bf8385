// Mailbox, mail store: the nodes of a mailbox's queue; the queue alone orders who uses which.
//
// Bounds: 76 bytes a node, made at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "herald/event.h"

namespace herald::core {

class Attachment;

/// An event on its way to one subscriber. The mailbox keeps the attachment until it is out.
struct Mail {
  Event event;
  Attachment* receiver = nullptr;
};

class MailStore {
 public:
  using Item = Mail;
  using Node = std::uint32_t;
  static constexpr std::size_t kNodeBytes = sizeof(Event) + sizeof(Attachment*) + sizeof(Node);

  explicit MailStore(std::size_t nodes)
      : events_(std::make_unique<Event[]>(nodes)),
        receivers_(std::make_unique<Attachment*[]>(nodes)),
        next_(std::make_unique<Node[]>(nodes)) {}

  void put(Node node, Mail&& mail) noexcept {
    events_[node] = std::move(mail.event);
    receivers_[node] = mail.receiver;
  }
  [[nodiscard]] Mail take(Node node) noexcept {
    return {std::move(events_[node]), receivers_[node]};
  }
  [[nodiscard]] Node next(Node node) const noexcept { return next_[node]; }
  void set_next(Node node, Node next) noexcept { next_[node] = next; }

 private:
  std::unique_ptr<Event[]> events_;
  std::unique_ptr<Attachment*[]> receivers_;
  std::unique_ptr<Node[]> next_;
};

}  // namespace herald::core
