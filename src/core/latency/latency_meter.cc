// Latency: takes the ticks of an event's life, keeps two histograms for each type, and a
// third of what goes into both.
#include "core/latency/latency_meter.h"

#include <string>

namespace herald::core {

LatencyMeter::~LatencyMeter() {
  for (std::atomic<Row*>& row : rows_) {
    delete row.load(std::memory_order_relaxed);  // Relaxed: nobody else is left.
  }
}

void LatencyMeter::activate(unsigned type_index) {
  rows_[type_index].store(new Row(slo_), std::memory_order_release);  // [M1] pairs with seen_row()
}

LatencyReport LatencyMeter::report(const TypeRegistry& types) const {
  LatencyReport report{{"all", LatencyHistogram(slo_), LatencyHistogram(slo_)}, {}, slo_};
  for (unsigned index = 0; index < types.count(); ++index) {
    const Row* row = seen_row(index);
    if (row == nullptr) {
      continue;
    }
    LatencyRow snapshot{types.entry(index)->name, row->wait.snapshot(), row->delivery.snapshot()};
    const LatencyHistogram both = row->both.snapshot();
    snapshot.wait.merge(both);
    snapshot.delivery.merge(both);
    if (snapshot.wait.empty()) {
      continue;
    }
    report.all.wait.merge(snapshot.wait);
    report.all.delivery.merge(snapshot.delivery);
    report.types.push_back(std::move(snapshot));
  }
  return report;
}

std::uint64_t LatencyMeter::negative() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned index = 0; index < TypeRegistry::kMaxTypes; ++index) {
    if (const Row* row = seen_row(index); row != nullptr) {
      sum += row->wait.snapshot().count_negative() + row->delivery.snapshot().count_negative() +
             2 * row->both.snapshot().count_negative();
    }
  }
  return sum;
}

}  // namespace herald::core
