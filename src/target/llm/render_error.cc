#include <fmt/core.h>

#include "target/llm/error_body.h"
#include "target/llm/refusal.h"

namespace squadload::llm {
namespace {

std::string_view given_or(std::string_view message, std::string_view usual) {
    return message.empty() ? usual : message;
}

// What OpenAI's client libraries know by type and code.
struct Words {
    std::string message;
    std::string_view type;
    std::string_view code;
};

std::string unknown_model(std::string_view model) {
    return fmt::format("The model `{}` does not exist or you do not have access to it.", model);
}

Words openai_words(int status, std::string_view model) {
    switch (status) {
        case 401:
            return {
                "Incorrect API key provided. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                "invalid_request_error", "invalid_api_key"};
        case 402:
        case 429:
            return {"You exceeded your current quota, please check your plan and billing details.",
                    "insufficient_quota", "insufficient_quota"};
        case 403:
            return {"Your account is not allowed to do this.", "invalid_request_error",
                    "unsupported_country_region_territory"};
        case 404:
            return {unknown_model(model), "invalid_request_error", "model_not_found"};
        case 503:
            return {"The engine is currently overloaded, please try again later", "server_error",
                    ""};
        default:
            break;
    }
    if (status >= 500) {
        return {"The server had an error while processing your request. Sorry about that!",
                "server_error", ""};
    }
    return {"The request is not valid.", "invalid_request_error", ""};
}

Words groq_words(int status, std::string_view model) {
    switch (status) {
        case 401:
            return {"Invalid API Key", "invalid_request_error", "invalid_api_key"};
        case 404:
            return {unknown_model(model), "invalid_request_error", "model_not_found"};
        case 413:
            return {"Request Entity Too Large", "invalid_request_error", "request_too_large"};
        case 429:
            return {"Rate limit reached.", "requests", "rate_limit_exceeded"};
        case 503:
            return {fmt::format("{} is currently over capacity. Please try again and back off "
                                "exponentially. Visit https://groqstatus.com to see if there is an "
                                "active incident.",
                                model.empty() ? "The model" : model),
                    "internal_server_error", ""};
        default:
            break;
    }
    if (status >= 500) return {"Internal Server Error", "internal_server_error", ""};
    return {"The request is not valid.", "invalid_request_error", ""};
}

std::string cerebras_body(int status, const Failure& failure) {
    const auto body = [&](std::string_view usual, std::string_view type, std::string_view param,
                          std::string_view code) {
        return cerebras_error(given_or(failure.message, usual), type, param, code);
    };
    switch (status) {
        case 401:
            return body("Wrong API Key", "invalid_request_error", "api_key", "wrong_api_key");
        case 402:
            return body("Payment required.", "payment_required_error", "quota", "payment_required");
        case 404:
            return body(fmt::format("Model {} does not exist or you do not have access to it.",
                                    failure.model),
                        "not_found_error", "model", "model_not_found");
        case 429:
            return body("We're experiencing high traffic right now! Please try again soon.",
                        "too_many_requests_error", "queue", "queue_exceeded");
        case 503:
            return body("Service temporarily unavailable.", "service_unavailable_error", "",
                        "service_unavailable");
        default:
            break;
    }
    if (status >= 500) {
        return body("Encountered a server error, please try again.", "server_error", "",
                    "server_error");
    }
    return body("The request is not valid.", "invalid_request_error", "validation_error",
                "wrong_api_format");
}

// google.rpc.Code by its HTTP status.
std::string_view google_status(int status) {
    switch (status) {
        case 400:
            return "INVALID_ARGUMENT";
        case 401:
            return "UNAUTHENTICATED";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 402:
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 500:
            return "INTERNAL";
        case 503:
            return "UNAVAILABLE";
        case 504:
            return "DEADLINE_EXCEEDED";
        default:
            return "UNKNOWN";
    }
}

std::string google_message(int status, std::string_view model) {
    switch (status) {
        case 403:
            return "Method doesn't allow unregistered callers (callers without established "
                   "identity). Please use API Key or other form of API consumer identity to call "
                   "this API.";
        case 404:
            return fmt::format(
                "models/{} is not found for API version v1beta, or is not supported for "
                "generateContent. Call ListModels to see the list of available models and their "
                "supported methods.",
                model);
        case 402:
            return "Your prepaid credits are used up.";
        case 429:
            return "Resource has been exhausted (e.g. check quota).";
        case 500:
            return "An internal error has occurred. Please retry or report in "
                   "https://developers.generativeai.google/guide/troubleshooting";
        case 503:
            return "The model is overloaded. Please try again later.";
        case 504:
            return "The request timed out. Please try again.";
        default:
            return status >= 500 ? "The service failed." : "Request contains an invalid argument.";
    }
}

WireReply google_reply(Dialect dialect, int status, const Failure& failure) {
    if (status == 401) {
        constexpr std::string_view kBadKey = "API key not valid. Please pass a valid API key.";
        constexpr std::string_view kReason =
            R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID",)"
            R"("domain":"googleapis.com","metadata":)"
            R"({"service":"generativelanguage.googleapis.com"}})";
        const auto message = given_or(failure.message, kBadKey);
        return {400, {}, google_error(dialect, 400, message, "INVALID_ARGUMENT", kReason)};
    }
    const std::string usual = google_message(status, failure.model);
    const auto message = given_or(failure.message, usual);
    return {status, {}, google_error(dialect, status, message, google_status(status), "")};
}

std::string openrouter_message(int status, std::string_view model) {
    switch (status) {
        case 401:
            return "No auth credentials found";
        case 402:
            return "Insufficient credits. Add more using https://openrouter.ai/settings/credits";
        case 404:
            return fmt::format("No endpoints found for {}.", model);
        case 408:
            return "The request timed out";
        case 503:
            return "There is no available model provider that meets your routing requirements";
        default:
            break;
    }
    if (status == 429 || status == 502) return "Provider returned error";
    return status >= 500 ? "Internal Server Error" : "The request is not valid.";
}

}  // namespace

WireReply render_error(Dialect dialect, int status, const Failure& failure) {
    switch (dialect) {
        case Dialect::openai: {
            const Words words = openai_words(status, failure.model);
            return {status,
                    {},
                    openai_error(given_or(failure.message, words.message), words.type, words.code)};
        }
        case Dialect::groq: {
            const Words words = groq_words(status, failure.model);
            return {status,
                    {},
                    groq_error(given_or(failure.message, words.message), words.type, words.code)};
        }
        case Dialect::cerebras:
            return {status, {}, cerebras_body(status, failure)};
        case Dialect::gemini:
        case Dialect::gemini_openai:
            return google_reply(dialect, status, failure);
        case Dialect::openrouter: {
            const std::string usual = openrouter_message(status, failure.model);
            return {status, {}, openrouter_error(status, given_or(failure.message, usual), "")};
        }
    }
    return {status, {}, "{}"};
}

}  // namespace squadload::llm
