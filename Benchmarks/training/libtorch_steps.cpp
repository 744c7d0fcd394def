// LibTorch's side of TrainingBench: MLP 784-128-10, batch 32, SGD or Adam, on one thread.
//
//   libtorch_steps mlp | mlp-adam
//
// Prints LibTorch's version, then for each line N on standard input does N steps and prints the
// processor seconds of one.
#include <torch/torch.h>
#include <torch/version.h>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>

static double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

int main(int argc, char **argv) {
  const bool adam = argc > 1 && std::string(argv[1]) == "mlp-adam";
  torch::set_num_threads(1);
  torch::manual_seed(0);
  torch::nn::Sequential model(torch::nn::Linear(784, 128), torch::nn::ReLU(),
                              torch::nn::Linear(128, 10));
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  if (adam) optimizer = std::make_unique<torch::optim::Adam>(model->parameters(), 1e-3);
  else optimizer = std::make_unique<torch::optim::SGD>(model->parameters(), 0.1);
  const auto inputs = torch::randn({32, 784}), labels = torch::randint(0, 10, {32}, torch::kLong);
  const auto steps = [&](int count) {
    for (int i = 0; i < count; i++) {
      optimizer->zero_grad();
      torch::nn::functional::cross_entropy(model->forward(inputs), labels).backward();
      optimizer->step();
    }
  };
  steps(20);
  std::cout << "LibTorch " << TORCH_VERSION << std::endl;
  for (int count; std::cin >> count;) {
    const double start = processor_seconds();
    steps(count);
    std::cout << (processor_seconds() - start) / count << std::endl;
  }
}
