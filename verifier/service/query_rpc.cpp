#include "verifier/service/query_rpc.hpp"

#include "proto/wire.hpp"
#include "verifier/service/query_calls.hpp"
#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

std::optional<Refusal> get_network(Parts& parts, const v1::GetNetworkRequest&,
                                   v1::GetNetworkResponse& out) {
    *out.mutable_network() = to_proto(parts.network(parts.clock()));
    return std::nullopt;
}

}  // namespace

std::vector<NetworkThread::Listen> QueryRpc::methods() {
    const auto from_memory = [&parts = parts_](auto& call) {
        call.kept_place = parts.waiting.take(parts.limited_peer(call.context));
        return call.kept_place ? &parts.from_memory : nullptr;
    };
    const auto of_all_who_ask = [&parts = parts_](auto& call) {
        call.kept_place = parts.asked.take(parts.limited_peer(call.context));
        return call.kept_place ? &parts.queries : nullptr;
    };
    const auto on = [&](auto ask, auto work) {
        return served_by(parts_, *this, ask, of_all_who_ask, work);
    };
    using Q = QueryRpc;
    return {served_by(parts_, *this, &Q::RequestGetNetwork, from_memory, get_network),
            on(&Q::RequestListDayKeys, query::list_day_keys),
            on(&Q::RequestListBeacons, query::list_beacons),
            on(&Q::RequestListDevices, query::list_devices),
            on(&Q::RequestListChecks, query::list_checks),
            on(&Q::RequestListWindows, query::list_windows),
            on(&Q::RequestListDays, query::list_days),
            on(&Q::RequestGetStanding, query::get_standing),
            on(&Q::RequestListLedger, query::list_ledger),
            on(&Q::RequestExplain, query::explain_day)};
}

}  // namespace vigil::verifier
