#include "tests/web/web_world.hpp"

namespace vigil::verifier::web {

WebWorld& network() {
    static WebWorld one{std::chrono::seconds{420}};
    return one;
}

}  // namespace vigil::verifier::web
