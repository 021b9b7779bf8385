// The core builds with and without exceptions; these two words are all it needs for that.
#pragma once

#if defined(__cpp_exceptions)
#define HERALD_TRY try
#define HERALD_CATCH_ALL catch (...)
#else
#define HERALD_TRY if constexpr (true)
#define HERALD_CATCH_ALL else
#endif
