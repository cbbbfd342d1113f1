#pragma once

#include <map>
#include <utility>

#include "verifier/replay_comparison.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::replaying {

/// Compares the verdicts of calibrations. One may be answered long after its window was closed, so
/// a difference now may be none in the end: its window is compared again in the last snapshot.
class CalibrationVerdicts {
public:
    /// `first`: window of the record; `replayed` and `report` outlive this.
    CalibrationVerdicts(Store& replayed, WindowIndex first, NameDevice name, ReplayReport& report)
        : replayed_{replayed}, from_{first}, name_{std::move(name)}, report_{report} {}

    /// The windows up to and with this one that were not compared yet.
    void compare(Reader& record, WindowIndex through);
    /// Before an answer to a calibration of this window is entered.
    void answered(WindowIndex window);
    /// What is left through `last`, and again what differed. `closed`: the last closed window.
    void finish(Reader& record, WindowIndex last, WindowIndex closed);

private:
    Store& replayed_;
    WindowIndex from_;  ///< the first that was not compared
    const NameDevice name_;
    ReplayReport& report_;
    /// Compared at the end, with the verdicts that were counted before.
    std::map<WindowIndex, std::int64_t> again_;
};

}  // namespace vigil::verifier::replaying
