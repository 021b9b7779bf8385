// What a ready-made middleware did, read out of the ledger that it keeps.
#include "herald/flow_stats.h"

namespace herald {

bool FlowStats::conserved() const noexcept {
  return events_in == events_out + events_joined + events_dropped + events_held &&
         bytes_in == bytes_out + bytes_dropped + bytes_held;
}

FlowStats FlowMeter::read() const noexcept {
  using Row = detail::FlowLedger::Row;
  return {.events_in = ledger_->value(Row::kEventsIn),
          .events_out = ledger_->value(Row::kEventsOut),
          .events_joined = ledger_->value(Row::kEventsJoined),
          .events_dropped = ledger_->value(Row::kEventsDropped),
          .events_held = ledger_->value(Row::kEventsHeld),
          .bytes_in = ledger_->value(Row::kBytesIn),
          .bytes_out = ledger_->value(Row::kBytesOut),
          .bytes_dropped = ledger_->value(Row::kBytesDropped),
          .bytes_held = ledger_->value(Row::kBytesHeld),
          .dropped_by_type = ledger_->value(Row::kDroppedByType),
          .dropped_by_stream = ledger_->value(Row::kDroppedByStream),
          .at_stream_limit = ledger_->value(Row::kAtStreamLimit),
          .sends_put_off = ledger_->value(Row::kSendsPutOff),
          .no_memory = ledger_->value(Row::kNoMemory)};
}

}  // namespace herald
