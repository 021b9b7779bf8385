#pragma once

/// Herald: a lock-free publish/subscribe runtime. This header includes all of the core.

#include "herald/batch.h"
#include "herald/bus.h"
#include "herald/coalesce_text.h"
#include "herald/default_bus.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/filter.h"
#include "herald/flow_stats.h"
#include "herald/latency_histogram.h"
#include "herald/middleware.h"
#include "herald/options.h"
#include "herald/publisher.h"
#include "herald/rate_limit.h"
#include "herald/sample.h"
#include "herald/stats.h"
#include "herald/stream_end.h"
#include "herald/subscription.h"
#include "herald/token_stream.h"
#include "herald/version.h"
