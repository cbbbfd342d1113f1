#include "tests/load/queries.hpp"

#include "vigil/v1/query.grpc.pb.h"

namespace vigil::load {
namespace {

constexpr std::uint32_t rows_a_page = 100;
constexpr auto call_within = std::chrono::seconds{20};

}  // namespace

Queries::Queries(const Target& target, std::size_t threads) : figures_(threads) {
    for (Figures& figures : figures_)
        threads_.emplace_back([this, target, &figures] { ask(target, figures); });
}

void Queries::ask(const Target& target, Figures& figures) const {
    const auto stub = v1::QueryService::NewStub(connect(target));
    const auto timed = [&](const auto& call) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + call_within);
        const auto begun = Steady::now();
        if (!call(context).ok()) ++figures.failed;
        const auto took = Steady::now() - begun;
        figures.times_us.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    };
    std::string page;
    while (!stopping_) {
        v1::ListDevicesRequest request;
        v1::ListDevicesResponse devices;
        request.set_page_size(rows_a_page);
        request.set_page_token(page);
        timed([&](auto& context) { return stub->ListDevices(&context, request, &devices); });
        page = devices.next_page_token();
        for (int i = 0; i < devices.devices_size() && !stopping_; i += 10) {
            v1::ListChecksRequest of_device;
            v1::ListChecksResponse checks;
            of_device.set_device_id(devices.devices(i).device_id());
            of_device.set_page_size(rows_a_page);
            timed([&](auto& context) { return stub->ListChecks(&context, of_device, &checks); });
        }
    }
}

Queries::Figures Queries::stop() {
    stopping_ = true;
    threads_.clear();
    const std::chrono::duration<double> elapsed = Steady::now() - begun_;
    Figures all;
    for (const Figures& figures : figures_) {
        all.failed += figures.failed;
        all.times_us.insert(all.times_us.end(), figures.times_us.begin(), figures.times_us.end());
    }
    all.a_second = static_cast<double>(all.times_us.size()) / elapsed.count();
    return all;
}

}  // namespace vigil::load
