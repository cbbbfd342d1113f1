#include "verifier/replay_calibrations.hpp"

namespace vigil::verifier::replaying {

void CalibrationVerdicts::compare(Reader& record, WindowIndex through) {
    for (; from_ <= through; ++from_) {
        ReplayReport now;
        replayed_.read([&](Reader& replayed) {
            compare_verdicts(record.calibration_verdicts_of(from_),
                             replayed.calibration_verdicts_of(from_), false, name_, now);
        });
        if (now.agrees())
            report_.verdicts += now.verdicts;
        else
            again_[from_] = 0;
    }
}

void CalibrationVerdicts::answered(WindowIndex window) {
    if (window >= from_ || again_.contains(window)) return;
    replayed_.read([&](Reader& replayed) {
        again_[window] = std::ssize(replayed.calibration_verdicts_of(window));
    });
}

void CalibrationVerdicts::finish(Reader& record, WindowIndex last, WindowIndex closed) {
    for (; from_ <= last; ++from_) again_[from_] = 0;
    replayed_.read([&](Reader& replayed) {
        for (const auto& [window, counted] : again_) {
            report_.verdicts -= counted;
            compare_verdicts(record.calibration_verdicts_of(window),
                             replayed.calibration_verdicts_of(window), window >= closed, name_,
                             report_);
        }
    });
}

}  // namespace vigil::verifier::replaying
