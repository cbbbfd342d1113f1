#include <string>

#include "proto/wire.hpp"

namespace vigil::wire {
namespace {

/// The numbers of core and of the messages agree; backends alone are shifted by the unspecified
/// zero.
static_assert(static_cast<int>(CheckKind::probe) == v1::CHECK_KIND_PROBE);
static_assert(static_cast<int>(Verdict::passed) == v1::VERDICT_PASSED);
static_assert(static_cast<int>(Verdict::busy) == v1::VERDICT_BUSY);
static_assert(static_cast<int>(RefusalReason::malformed) == v1::REFUSAL_REASON_MALFORMED);
static_assert(static_cast<int>(RefusalReason::not_found) == v1::REFUSAL_REASON_NOT_FOUND);
static_assert(static_cast<int>(Backend::cuda) + 1 == v1::BACKEND_CUDA);

tl::unexpected<Refusal> no_such(std::string_view what, int value) {
    return tl::unexpected{
        Refusal{RefusalReason::malformed,
                "no " + std::string{what} + " has the number " + std::to_string(value),
                {},
                {}}};
}

template <class Core>
Expected<Core, Refusal> in_range(int value, Core first, Core last, std::string_view what) {
    if (value < static_cast<int>(first) || value > static_cast<int>(last))
        return no_such(what, value);
    return static_cast<Core>(value);
}

}  // namespace

v1::CheckKind to_proto(CheckKind kind) {
    return static_cast<v1::CheckKind>(static_cast<int>(kind));
}
v1::Verdict to_proto(Verdict verdict) {
    return static_cast<v1::Verdict>(static_cast<int>(verdict));
}
v1::Backend to_proto(Backend backend) {
    return static_cast<v1::Backend>(static_cast<int>(backend) + 1);
}
v1::RefusalReason to_proto(RefusalReason reason) {
    return static_cast<v1::RefusalReason>(static_cast<int>(reason));
}

Expected<CheckKind, Refusal> check_kind_from_proto(v1::CheckKind kind) {
    return in_range(static_cast<int>(kind), CheckKind::roll_call, CheckKind::probe, "check kind");
}
Expected<Verdict, Refusal> verdict_from_proto(v1::Verdict verdict) {
    return in_range(static_cast<int>(verdict), Verdict::passed, Verdict::busy, "verdict");
}
Expected<Backend, Refusal> backend_from_proto(v1::Backend backend) {
    return in_range(static_cast<int>(backend) - 1, Backend::cpu, Backend::cuda, "backend");
}
Expected<RefusalReason, Refusal> reason_from_proto(v1::RefusalReason reason) {
    return in_range(static_cast<int>(reason), RefusalReason::malformed, RefusalReason::not_found,
                    "refusal reason");
}

}  // namespace vigil::wire
