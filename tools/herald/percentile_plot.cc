#include "percentile_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "quantity.h"

namespace herald::cli {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kPercents{0.0,  25.0, 50.0, 75.0,  90.0,  95.0,   98.0,
                               99.0, 99.5, 99.9, 99.95, 99.99, 99.999, 100.0};
constexpr std::size_t kBarColumns = 64;

/// Where a latency lies on a bar, 0 to kBarColumns.
class Scale {
 public:
  Scale(nanoseconds lowest, nanoseconds highest)
      : begin_(log(lowest) - 0.1), width_(std::max(0.1, log(highest) - begin_)) {}

  [[nodiscard]] std::size_t column(nanoseconds latency) const {
    const double place = (log(latency) - begin_) / width_;
    const double columns = std::round(place * static_cast<double>(kBarColumns));
    return static_cast<std::size_t>(std::clamp(columns, 0.0, static_cast<double>(kBarColumns)));
  }

 private:
  [[nodiscard]] static double log(nanoseconds latency) {
    return std::log10(static_cast<double>(std::max<std::int64_t>(1, latency.count())));
  }

  double begin_;
  double width_;
};

std::string name_of(double percent) {
  if (percent == 0 || percent == 100) {
    return percent == 0 ? "min" : "max";
  }
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "p%g", percent);
  return text.data();
}

}  // namespace

std::string percentile_plot(const VerifyRow& row, const VerifyOptions& options) {
  if (row.all.count() == 0) {
    return "";
  }
  const Scale scale(row.all.percentile(0), std::max(row.all.max(), options.slo));
  const std::size_t objective = scale.column(options.slo);
  std::string text = "  # without stalls   + all samples   | SLO   (logarithmic)\n";
  for (const double percent : kPercents) {
    const nanoseconds all = row.all.percentile(percent);
    std::string bar(scale.column(all), '+');
    const std::size_t unstalled =
        row.unstalled.count() == 0 ? 0 : scale.column(row.unstalled.percentile(percent));
    std::fill_n(bar.begin(), std::min(unstalled, bar.size()), '#');
    bar.resize(std::max(bar.size(), objective + 1), ' ');
    bar[objective] = '|';
    bar.erase(bar.find_last_not_of(' ') + 1);

    std::array<char, 32> label{};
    std::snprintf(label.data(), label.size(), "  %8s %9s  ", name_of(percent).c_str(),
                  format_duration(all).c_str());
    text.append(label.data()).append(bar).append("\n");
  }
  return text;
}

}  // namespace herald::cli
