#include "target/service/batch_worker.h"

#include <pthread.h>

#include <exception>

#include "base/log.h"

namespace squadload::service {
namespace detail {

void name_this_thread(const std::string& name) {
    // The kernel keeps 15 characters.
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

void log_worker_error(const std::string& name) {
    try {
        throw;
    } catch (const std::exception& e) {
        log::error("the worker " + name + " failed: " + e.what());
    } catch (...) {
        log::error("the worker " + name + " failed");
    }
}

}  // namespace detail

}  // namespace squadload::service
