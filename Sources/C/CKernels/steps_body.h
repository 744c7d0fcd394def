// The step table of the including variant, which defines MK_VECTORISE: 1 if it has fused
// multiply-adds as vector instructions.
#pragma once
#include "activation_body.h"
#include "attention_body.h"
#include "basic_body.h"
#include "batch_norm_body.h"
#include "loss_body.h"
#include "norm_body.h"
#include "optimizer_body.h"
#include "pooling_body.h"

static const mk_step_table steps = {
  .step = {MK_BASIC_STEPS, MK_ACTIVATION_STEPS, MK_LOSS_STEPS, MK_OPTIMIZER_STEPS, MK_NORM_STEPS,
           MK_BATCH_NORM_STEPS, MK_POOLING_STEPS, MK_ATTENTION_STEPS},
  .sparse_sgd = sparse_sgd,
};
