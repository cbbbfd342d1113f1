#include "node/verifier_link_look.hpp"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>

#include "node/verifier_link_calls.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::node {
namespace {

namespace v1 = vigil::v1;
using std::chrono::steady_clock;

constexpr unsigned most_devices = 1'000;

std::optional<Instant> retired_from(const v1::Device& device, const wire::Network& network) {
    if (device.retired_from_day() == 0) return std::nullopt;
    return begin_of_day(network, device.retired_from_day()).value_or(Instant{});
}

std::vector<VerifierLook::Known> devices_of(const Line& line, const NodeId& node,
                                            const wire::Network& network) {
    v1::ListDevicesRequest request;
    request.set_node_id(wire::raw(node));
    request.set_page_size(most_devices);
    line.context.set_deadline(
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                     gpr_time_from_millis(line.options.call_timeout.count(), GPR_TIMESPAN)));
    v1::ListDevicesResponse response;
    const auto status =
        v1::QueryService::NewStub(line.channel)->ListDevices(&line.context, request, &response);
    if (!status.ok()) fail(line.options, status);
    std::vector<VerifierLook::Known> out;
    for (const v1::Device& device : response.devices())
        if (out.size() < most_devices)
            out.push_back(
                {device.claimed().uid(), device.baseline(), retired_from(device, network)});
    return out;
}

}  // namespace

VerifierLook look_at_verifier(const LinkOptions& options, const std::optional<NodeId>& node,
                              const std::function<Instant()>& now) {
    try {
        const auto channel = open_channel(options);
        grpc::ClientContext opening;
        get_network({options, channel, opening});  // the connection is made here

        VerifierLook look;
        grpc::ClientContext measured;
        const auto begun = steady_clock::now();
        look.network = get_network({options, channel, measured});
        const auto took = steady_clock::now() - begun;
        look.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(took);
        look.clock_offset =
            now() - look.network.time - std::chrono::duration_cast<Milliseconds>(took / 2);
        grpc::ClientContext asking;
        if (node) look.devices = devices_of({options, channel, asking}, *node, look.network);
        return look;
    } catch (const AttemptFailed& failed) {
        const Diagnosis& why = failed.why;
        throw edge::Fatal{why.exit_code, why.trouble.code, why.trouble.message};
    }
}

}  // namespace vigil::node
