#pragma once

#include "verifier/day_settler.hpp"
#include "verifier/run.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {

/// The verifier's log: one line for what an operator should know happened.
void log_start(const VerifierView& view, const Founded& founded, std::size_t nodes,
               std::size_t devices);
/// A warning where they do not carry so many nodes.
void log_descriptors(std::size_t allowed, std::size_t nodes);
/// `missing`: missing_names() of it.
void log_certificate(const std::string& missing);
void log_window(const WindowClosing& closing);
void log_day(const DaySettlement& settlement);
/// `others`: verifiers that serve beside this one.
void log_stopping(std::size_t others, std::chrono::seconds open);
void log_failure(const std::string& task, const std::string& why, Milliseconds retry);
void log_store_away(const std::string& why);
void log_clock_jump(Milliseconds jump);
void log_clock_leap(const ClockLeap& leap);
void log_clock_agrees();
void log_new_receipt_key(const PublicKey& key);

/// What was compared, as /readyz says it.
std::string clock_leap_text(const ClockLeap& leap);

}  // namespace vigil::verifier
