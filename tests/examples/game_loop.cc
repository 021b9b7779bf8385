// A game's main loop on Herald. In each frame three job threads publish what happened (collisions,
// damage, sounds), and meanwhile the main thread, on which everything of the game may be touched
// without a lock, pumps events within 2 ms. What comes while it pumps has its turn in the next
// frame; so has the damage that callbacks raise, one event in eight.
//
//   game_loop [FRAMES [FRAMES_A_SECOND]]     180 frames, 60 a second
//
// Exit status: 0 if every event came, in the order of its source, and a frame allocates nothing;
// 1 if not; 2 for other arguments.
#include <herald/herald.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include "expect.h"
#include "game_loop/allocation_count.h"
#include "game_loop/game_events.h"
#include "game_loop/gameplay.h"
#include "game_loop/jobs.h"

namespace {

using namespace std::chrono_literals;
using game::Gameplay;
using game::Jobs;

constexpr std::chrono::nanoseconds kBudget = 2ms;
constexpr std::uint32_t kWarmUpFrames = 10;

struct Options {
  std::uint32_t frames = 180;
  std::uint32_t frames_a_second = 60;
};

[[noreturn]] void refuse(std::string_view what, std::string_view value, std::string_view allowed) {
  std::cerr << "game_loop: " << what << " is '" << value << "'; allowed: " << allowed
            << "\nusage: game_loop [FRAMES [FRAMES_A_SECOND]]\n";
  std::exit(2);
}

std::uint32_t number(const char* what, const char* text, std::uint32_t least, std::uint32_t most,
                     const char* allowed) {
  std::uint32_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < least || value > most) {
    refuse(what, text, allowed);
  }
  return value;
}

Options parse(int count, char** arguments) {
  Options options;
  if (count > 1) {
    options.frames = number("FRAMES", arguments[1], 20, 100'000, "20 to 100,000");
  }
  if (count > 2) {
    options.frames_a_second = number("FRAMES_A_SECOND", arguments[2], 1, 1'000, "1 to 1,000");
  }
  if (count > 3) {
    refuse("the third argument", arguments[3], "two");
  }
  return options;
}

// What the frames left behind.
struct Played {
  std::optional<std::uint64_t> allocations = {};  // after the warm-up; none if not counted
  std::chrono::nanoseconds longest_pump{0};
};

Played play(herald::Bus& bus, Jobs& jobs, const Options& options) {
  Played played;
  std::optional<std::uint64_t> allocations_before;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint32_t frame = 0; frame < options.frames; ++frame) {
    if (frame == kWarmUpFrames) {
      allocations_before = game::allocations();
    }
    jobs.begin_frame();
    played.longest_pump = std::max(played.longest_pump, bus.pump({.budget = kBudget}).took);
    jobs.end_frame();
    std::this_thread::sleep_until(begin + (frame + 1) * 1'000'000'000ns / options.frames_a_second);
  }
  if (allocations_before.has_value()) {
    played.allocations = *game::allocations() - *allocations_before;
  }
  return played;
}

// What the last frame left, and what its callbacks raised. Only this thread pumps: never busy.
void pump_the_rest(herald::Bus& bus) {
  while (bus.pump().queued != 0) {
  }
}

double milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

void report(const herald::Bus& bus, const Jobs& jobs, const Options& options,
            const Played& played) {
  const herald::BusStats stats = bus.stats();
  const herald::LatencyHistogram age = bus.latency().all.delivery;
  std::cout << std::fixed << std::setprecision(3);
  std::cout << "frames                        " << options.frames << " at "
            << options.frames_a_second << " a second\n"
            << "events                        " << stats.dispatched << ", " << jobs.refused()
            << " refused\n"
            << "frames over budget            " << stats.pumps.over_budget << ", at most by "
            << milliseconds(stats.pumps.longest_overrun) << " ms\n"
            << "longest pump of a frame       " << milliseconds(played.longest_pump) << " ms\n"
            << "event age at delivery, p50    " << milliseconds(age.percentile(50.0)) << " ms\n"
            << "event age at delivery, p99    " << milliseconds(age.percentile(99.0)) << " ms\n"
            << "allocations in steady state   ";
  if (played.allocations.has_value()) {
    std::cout << *played.allocations << '\n';
  } else {
    std::cout << "not counted\n";
  }
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  herald::Bus bus = herald::Bus::create({.dispatch = herald::DispatchMode::kManual}).value();
  const game::Types types(bus);
  Gameplay gameplay(bus, types);
  Jobs jobs(bus, types);

  const Played played = play(bus, jobs, options);
  pump_the_rest(bus);
  report(bus, jobs, options, played);

  const std::uint64_t published = std::uint64_t{options.frames} * Jobs::kEvents - jobs.refused();
  expect(
      gameplay.collisions().count + gameplay.blows().count + gameplay.sounds().count == published,
      "what the jobs published comes");
  expect(gameplay.wounds().count == gameplay.raised(), "so does what callbacks raised");
  expect(gameplay.out_of_order() == 0, "each source's events come in its order");
  expect(bus.stats().conserved(), "no event is lost or made up");
  expect(played.allocations.value_or(0) == 0, "a frame allocates nothing");
  return EXIT_SUCCESS;
}
