// What a virtual user keeps from one request to the next. Never another's: connections may be
// shared, this is not.
#pragma once

#include <string>
#include <vector>

#include "load/http/cookie_jar.h"
#include "load/scenario/template.h"

namespace squadload::engine {

struct UserData {
    std::vector<scenario::Variable> variables;  // by UserClass::variables
    http::CookieJar cookies;
    std::string own_cookie;  // of the request under way: what its task says, before the cookies

    // Forgets everything; the variables' memory stays.
    void clear() {
        for (auto& variable : variables) {
            variable.text.clear();
            variable.set = false;
        }
        cookies.clear();
    }
};

}  // namespace squadload::engine
