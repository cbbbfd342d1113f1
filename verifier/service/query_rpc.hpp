#pragma once

#include "verifier/service/parts.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::verifier {

/// QueryService on gRPC's callbacks and our work threads. Nothing secret is told before its time: a
/// day key once revealed, a beacon once its check has started.
class QueryRpc final : public v1::QueryService::CallbackService {
public:
    explicit QueryRpc(Parts& parts) : parts_{parts} {}

    using Context = grpc::CallbackServerContext;
    using Reactor = grpc::ServerUnaryReactor;
    Reactor* GetNetwork(Context*, const v1::GetNetworkRequest*, v1::GetNetworkResponse*) override;
    Reactor* ListDayKeys(Context*, const v1::ListDayKeysRequest*,
                         v1::ListDayKeysResponse*) override;
    Reactor* ListBeacons(Context*, const v1::ListBeaconsRequest*,
                         v1::ListBeaconsResponse*) override;
    Reactor* ListDevices(Context*, const v1::ListDevicesRequest*,
                         v1::ListDevicesResponse*) override;
    Reactor* ListChecks(Context*, const v1::ListChecksRequest*, v1::ListChecksResponse*) override;
    Reactor* ListWindows(Context*, const v1::ListWindowsRequest*,
                         v1::ListWindowsResponse*) override;
    Reactor* ListDays(Context*, const v1::ListDaysRequest*, v1::ListDaysResponse*) override;
    Reactor* GetStanding(Context*, const v1::GetStandingRequest*,
                         v1::GetStandingResponse*) override;
    Reactor* ListLedger(Context*, const v1::ListLedgerRequest*, v1::ListLedgerResponse*) override;
    Reactor* Explain(Context*, const v1::ExplainRequest*, v1::ExplainResponse*) override;

private:
    Parts& parts_;
};

}  // namespace vigil::verifier
