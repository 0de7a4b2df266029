// What a gateway keeps outside its own memory, as its embedder gives it. All are optional.
#pragma once

#include <memory>
#include <vector>

#include "target/squad_api/audit.h"
#include "target/squad_api/config.h"
#include "target/squad_api/history.h"
#include "target/squad_api/limiter.h"

namespace squadload::squad_api {

struct Stores {
    std::shared_ptr<Limiter> limiter;  // none: the limits are kept in this process
    std::shared_ptr<AuditSink> audit;  // none: no audit log
    std::shared_ptr<History> history;  // none: requests have the history they bring
};

// Whose quotas a limiter keeps: one scope per provider, in the configuration's order.
[[nodiscard]] std::vector<LimitScope> limit_scopes(const Config& config);

}  // namespace squadload::squad_api
