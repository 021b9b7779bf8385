// Dispatch, flush: takes requests to be told when everything accepted before them is delivered.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. One group of requests is served at a time: the lanes' limits are noted once for it, after its
//     last request came, so everything accepted before any of them lies below.
//  2. The group also waits for the late joiners that had come by then to be live or gone.
//  3. Requests that come meanwhile form the next group: nobody waits for events of later callers.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/control/order.h"
#include "core/lane/publisher_core.h"
#include "core/lane/shared_publisher.h"
#include "herald/event.h"

namespace herald::core {

/// Embeds its own completion.
struct FlushRequest : std::enable_shared_from_this<FlushRequest> {
  Order asking;
  Command<base::NativeAtomics> served;
  Doorbell* bell = nullptr;  // rung then, if there is one
};

class FlushDesk {
 public:
  using Lanes = std::span<PublisherCore* const>;
  using SharedMark = SharedPublisher::Lane::Mark;

  void add(std::shared_ptr<FlushRequest> request) { waiting_.push_back(std::move(request)); }
  [[nodiscard]] bool idle() const noexcept { return serving_.empty() && waiting_.empty(); }
  [[nodiscard]] bool serving() const noexcept { return !serving_.empty(); }

  /// Requires: not serving. False if nobody waits. Else the limits of the group are noted.
  /// `joined`: how many late joiners have come so far.
  [[nodiscard]] bool next_group(Lanes lanes, const SharedMark& shared,
                                std::uint64_t joined = 0) noexcept {
    joined_ = joined;
    serving_.swap(waiting_);
    for (PublisherCore* lane : lanes) {
      lane->flush_limit = lane->lane().announced();
    }
    shared_ = shared;
    return serving();
  }

  /// Of what was taken from the shared lane each event still has its ticket as sequence. Nothing
  /// means: all have come.
  void came(std::span<const Event> taken) noexcept {
    if (taken.empty()) {
      shared_.missing = 0;
    }
    for (const Event& event : taken) {
      if (event.sequence() < shared_.limit && shared_.missing != 0) {
        --shared_.missing;
      }
    }
  }

  /// Whether everything below the limits is taken. `shared`: by now. `served`: how many late
  /// joiners are live or gone.
  [[nodiscard]] bool reached(Lanes lanes, const SharedMark& shared,
                             std::uint64_t served = 0) const noexcept {
    return served >= joined_ && (shared_.missing == 0 || shared.missing == 0) &&
           std::all_of(lanes.begin(), lanes.end(), [](const PublisherCore* lane) {
             return lane->lane().reached(lane->flush_limit);
           });
  }

  /// The limits are reached.
  void complete() noexcept {
    for (const std::shared_ptr<FlushRequest>& request : serving_) {
      request->served.complete();
      if (request->bell != nullptr) {
        request->bell->notify();
      }
    }
    serving_.clear();
  }

 private:
  std::vector<std::shared_ptr<FlushRequest>> waiting_;
  std::vector<std::shared_ptr<FlushRequest>> serving_;
  std::uint64_t joined_ = 0;
  SharedMark shared_{};  // tickets below the limit, and how many of them are still to come
};

}  // namespace herald::core
