// How the program ends.
#pragma once

namespace herald::cli {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailed = 1;  ///< A check failed, or the machine could not do it.
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;  ///< Ctrl-C.
/// The reader of standard output closed it: what a shell tells of a program that SIGPIPE ended.
inline constexpr int kExitPipeClosed = 141;

}  // namespace herald::cli
