// One run of `herald stream`: a bus, the stream that goes through it, and what became of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audience.h"
#include "herald/bus.h"
#include "herald/filter.h"
#include "herald/flow_stats.h"
#include "herald/publisher.h"
#include "herald/subscription.h"
#include "herald/token_stream.h"
#include "input_file.h"
#include "sample_log.h"
#include "stream_options.h"
#include "stream_result.h"
#include "text_digest.h"
#include "text_output.h"
#include "token_source.h"
#include "transcript.h"

namespace herald::cli {

/// Publishes the tokens of an input on the calling thread, in their time, as one stream. Ctrl-C and
/// an output that takes no more cancel the stream, as any consumer of it could.
///
/// Bounds: a lane of kLaneEvents; kMostWaitingBytes of text in it, and as many that the output has
///   not taken yet: then the publishing thread waits, never the dispatching one.
class StreamRun {
 public:
  static constexpr std::size_t kLaneEvents = 1'024;
  static constexpr std::uint64_t kMostWaitingBytes = std::uint64_t{1} << 20;

  StreamRun(const StreamOptions& options, InputFile input);

  /// Once. Errors: what the bus says about subscribers and publishers.
  absl::StatusOr<StreamResult> run();

 private:
  absl::Status build();
  /// What joins tokens, if that is asked for.
  absl::Status add_coalescer(const Filter& filter);
  void publish(TokenStream& stream);
  /// Both return true when it is time, false when the stream is cancelled before.
  [[nodiscard]] bool wait_for_room(const TokenStream& stream);
  [[nodiscard]] bool wait_until(Instant due, const TokenStream& stream);
  [[nodiscard]] bool cancelled(const TokenStream& stream);
  void end(TokenStream& stream);
  void deliver_all();
  /// The bus's own books, at rest.
  void audit();
  /// From then on no callback runs.
  void end_bus();
  void conclude();
  void conclude_output();
  void conclude_delivery();
  void fault(std::string line) { result_.faults.push_back(std::move(line)); }

  const StreamOptions& options_;
  TokenSource source_;
  StreamResult result_;
  bool all_delivered_ = false;  // in time, by callbacks that did not fail
  TextDigest sent_;

  // The bus is made after, and ends before, what its callbacks use.
  TextOutput output_;
  Transcript transcript_;
  Audience audience_;
  std::optional<Bus> bus_;
  std::optional<Publisher> publisher_;
  Subscription writer_;
  Subscription coalescer_;
  std::optional<FlowMeter> coalescer_meter_;
};

}  // namespace herald::cli
