#pragma once

#include <string>

#include "proto/edge/http_server.hpp"
#include "tests/edge/http_client.hpp"
#include "tests/simulation/world.hpp"
#include "verifier/web/routes.hpp"

namespace vigil::verifier::web {

/// A network that lived through some virtual days, and its pages on a real port.
class WebWorld {
public:
    explicit WebWorld(Milliseconds lived) : world{7} {
        using simulation::Habit;
        world.boot();
        world.enrol({Habit::honest, Habit::honest});
        world.enrol({Habit::flaky});
        world.enrol({Habit::lazy});
        world.run_until(world.now() + lived);
        serve();
    }

    std::string get(const std::string& path, const std::string& method = "GET",
                    const std::string& fields = "") const {
        edge::RawConnection connection{server.port()};
        connection.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields +
                        "Connection: close\r\n\r\n");
        return connection.rest();
    }

    simulation::World world;
    Pulse pulse;
    std::unique_ptr<FleetWatch> watch;
    edge::HttpServer server;

private:
    void serve() {
        watch = std::make_unique<FleetWatch>(
            world.store(), world.roster(), world.schedule(), pulse,
            FleetWatch::Hooks{
                .clock = [this] { return world.now(); }, .changed = {}, .failed = {}});
        watch->start();
        add_pages(server,
                  Site{.store = world.store(),
                       .roster = world.roster(),
                       .schedule = world.schedule(),
                       .watch = *watch,
                       .clock = [this] { return world.now(); },
                       .not_ready = [] { return std::nullopt; },
                       .version = "1.2.3"},
                  {});
        server.start("127.0.0.1", 0, "--http-port");
    }
};

}  // namespace vigil::verifier::web
