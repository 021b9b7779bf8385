// Control, flush: takes requests to be told when everything accepted before them is delivered.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. One group of requests is served at a time: the lanes' limits are noted once for it, after its
//     last request came, so everything accepted before any of them lies below.
//  2. Requests that come meanwhile form the next group: nobody waits for events of later callers.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/parking.h"
#include "core/order.h"

namespace herald::core {

/// Embeds its own completion.
struct FlushRequest : std::enable_shared_from_this<FlushRequest> {
  Order asking;
  Command<base::NativeAtomics> served;
  base::ParkingSpot<base::NativeAtomics>* bell = nullptr;  // rung then, if there is one
};

class FlushDesk {
 public:
  void add(std::shared_ptr<FlushRequest> request) { waiting_.push_back(std::move(request)); }
  [[nodiscard]] bool idle() const noexcept { return serving_.empty() && waiting_.empty(); }
  [[nodiscard]] bool serving() const noexcept { return !serving_.empty(); }

  /// Requires: not serving. False if nobody waits. The limits are to be noted now.
  [[nodiscard]] bool next_group() noexcept {
    serving_.swap(waiting_);
    return serving();
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
};

}  // namespace herald::core
