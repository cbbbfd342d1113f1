#pragma once

#include <string>
#include <string_view>

#include "proto/messages.hpp"

/// An enrolment's content without generated code, for those who keep and replay it.
namespace vigil::wire {

/// The bytes an enrolment's signature covers. Serialised deterministically, but only these very
/// bytes count: keep them.
std::string enrolment_bytes(const Enrolment& enrolment);
/// Reads and checks them: lengths, number of devices, no uid twice, no control characters.
Expected<Enrolment, Refusal> enrolment_from_bytes(std::string_view bytes);

}  // namespace vigil::wire
