#include "target/llm/chat.h"

namespace squadload::llm {

std::string_view role_name(Role role) {
    switch (role) {
        case Role::system:
            return "system";
        case Role::user:
            return "user";
        case Role::assistant:
            return "assistant";
        case Role::tool:
            return "tool";
    }
    return "";
}

std::optional<Role> parse_role(std::string_view name) {
    if (name == "user") return Role::user;
    if (name == "assistant") return Role::assistant;
    if (name == "system" || name == "developer") return Role::system;
    if (name == "tool" || name == "function") return Role::tool;
    return std::nullopt;
}

}  // namespace squadload::llm
