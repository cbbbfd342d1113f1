#pragma once

#include <functional>
#include <stop_token>

namespace vigil::verifier {

/// Runs `work` until it ends without a StoreAway, for however long that takes: again a second later
/// each time, and the log says every ten seconds what is waited for. Whoever asks `stop` waits no
/// longer than the attempt under way.
void run_when_store_is_there(const std::function<void()>& work, const std::stop_token& stop);

}  // namespace vigil::verifier
