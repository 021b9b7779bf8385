// The components of the assistant. Each runs on a thread of its own and knows nothing but the bus.
#pragma once

#include <herald/herald.h>

#include "assistant/conversation.h"

namespace assistant {

/// Streams the tokens of three answers, one after the other.
void run_dialogue(herald::Bus& bus);
/// Streams the results of its steps. Its first job fails with an exception, its second succeeds.
void run_executor(herald::Bus& bus, herald::EventType<Step> step);
/// Sends info with progress.
void run_router(herald::Bus& bus);
void run_model_loader(herald::Bus& bus);
/// Sends metrics, and fails.
void run_graph_worker(herald::Bus& bus);

}  // namespace assistant
