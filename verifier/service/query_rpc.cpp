#include "verifier/service/query_rpc.hpp"

#include "proto/wire.hpp"
#include "verifier/service/query_calls.hpp"
#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

template <class Call, class Request, class Response>
grpc::ServerUnaryReactor* on_work_thread(Parts& parts, grpc::CallbackServerContext* context,
                                         const Request* request, Response* response, Call call) {
    return serve(parts, context,
                 [&parts, request, response, call] { return call(parts, *request, *response); });
}

}  // namespace

QueryRpc::Reactor* QueryRpc::GetNetwork(Context* context, const v1::GetNetworkRequest* request,
                                        v1::GetNetworkResponse* response) {
    return on_work_thread(
        parts_, context, request, response,
        [](Parts& parts, const auto&, v1::GetNetworkResponse& out) -> std::optional<Refusal> {
            *out.mutable_network() = to_proto(parts.network(parts.clock()));
            return std::nullopt;
        });
}

QueryRpc::Reactor* QueryRpc::ListDayKeys(Context* context, const v1::ListDayKeysRequest* request,
                                         v1::ListDayKeysResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_day_keys);
}

QueryRpc::Reactor* QueryRpc::ListBeacons(Context* context, const v1::ListBeaconsRequest* request,
                                         v1::ListBeaconsResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_beacons);
}

QueryRpc::Reactor* QueryRpc::ListDevices(Context* context, const v1::ListDevicesRequest* request,
                                         v1::ListDevicesResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_devices);
}

QueryRpc::Reactor* QueryRpc::ListChecks(Context* context, const v1::ListChecksRequest* request,
                                        v1::ListChecksResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_checks);
}

QueryRpc::Reactor* QueryRpc::ListWindows(Context* context, const v1::ListWindowsRequest* request,
                                         v1::ListWindowsResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_windows);
}

QueryRpc::Reactor* QueryRpc::ListDays(Context* context, const v1::ListDaysRequest* request,
                                      v1::ListDaysResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_days);
}

QueryRpc::Reactor* QueryRpc::GetStanding(Context* context, const v1::GetStandingRequest* request,
                                         v1::GetStandingResponse* response) {
    return on_work_thread(parts_, context, request, response, query::get_standing);
}

QueryRpc::Reactor* QueryRpc::ListLedger(Context* context, const v1::ListLedgerRequest* request,
                                        v1::ListLedgerResponse* response) {
    return on_work_thread(parts_, context, request, response, query::list_ledger);
}

QueryRpc::Reactor* QueryRpc::Explain(Context* context, const v1::ExplainRequest* request,
                                     v1::ExplainResponse* response) {
    return on_work_thread(parts_, context, request, response, query::explain_day);
}

}  // namespace vigil::verifier
