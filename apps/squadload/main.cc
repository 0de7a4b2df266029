#include "cli/commands.h"

int main(int argc, char** argv) {
    return squadload::cli::main(argc, argv);
}
