#pragma once

#include <functional>
#include <string>

#include "proto/edge/http_server.hpp"
#include "tests/edge/http_client.hpp"
#include "tests/simulation/world.hpp"
#include "tests/store/samples.hpp"
#include "verifier/web/routes.hpp"

namespace vigil::verifier::web {

/// A network that lived through some virtual days, and its pages on a real port.
class WebWorld {
public:
    /// `then`: what happens after that, before anybody reads.
    explicit WebWorld(Milliseconds lived, const std::function<void(simulation::World&)>& then = {})
        : world{7} {
        using simulation::Habit;
        world.boot();
        world.enrol({Habit::honest, Habit::honest});
        world.enrol({Habit::flaky});
        world.enrol({Habit::lazy});
        world.run_until(world.now() + lived);
        if (then) then(world);
        enrol_hostile();
        serve();
    }

    std::string get(const std::string& path, const std::string& method = "GET",
                    const std::string& fields = "") const {
        edge::RawConnection connection{server.port()};
        connection.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields +
                        "Connection: close\r\n\r\n");
        return connection.rest();
    }

    /// What the served pages are made from.
    Site site() {
        return {.store = world.store(),
                .roster = world.roster(),
                .schedule = world.schedule(),
                .watch = *watch,
                .clock = [this] { return world.now(); },
                .not_ready = [] { return std::nullopt; },
                .version = "1.2.3",
                .receipts = {.key = receipt_key.public_key(),
                             .sign = [this](const AnswerId& answer, Instant received) {
                                 return receipt_key.sign(
                                     receipt_bytes(world.schedule().network(), answer, received));
                             }}};
    }

    const SigningKey receipt_key{KeySeed{}};
    simulation::World world;
    Pulse pulse;
    std::unique_ptr<FleetWatch> watch;
    edge::HttpServer server;

    static constexpr const char* hostile_name = "=1+1 <script>alert(1)</script>";
    static constexpr const char* hostile_model = "\"><img src=x onerror=alert(2)>";
    static constexpr const char* hostile_region = "@\x1b[31m'\xff";
    DeviceId hostile_device;
    PayoutAddress hostile_payout = samples::bytes<PayoutAddress>(9, 9);

private:
    /// Everything a node may choose, chosen badly.
    void enrol_hostile() {
        NodeRecord node = samples::node(200, 1);
        node.name = hostile_name;
        node.region = hostile_region;
        node.payout = hostile_payout;
        std::vector<DeviceRecord> devices{samples::device(200, 1)};
        devices[0].model = devices[0].driver = hostile_model;
        devices[0].enrolled = devices[0].active_from = world.now();
        world.store().write(
            [&](Transaction& tx) { tx.enrol(samples::entry(node.id, 1), node, devices); });
        world.roster().refresh(node.id);
        hostile_device = devices[0].id;
    }

    void serve() {
        watch = std::make_unique<FleetWatch>(
            world.store(), world.roster(), world.schedule(), pulse,
            FleetWatch::Hooks{
                .clock = [this] { return world.now(); }, .changed = {}, .failed = {}});
        watch->start();
        add_pages(server, site(), {});
        server.start("127.0.0.1", 0, "--http-port");
    }
};

/// Three days of 120 s and a half, lived once for all tests.
WebWorld& network();

}  // namespace vigil::verifier::web
