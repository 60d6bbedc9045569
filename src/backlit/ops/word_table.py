"""The table of synonyms: the words of Keras, PyTorch, scikit-learn and textbooks beside ours.

Letter case and all signs between letters and digits do not count. `ops.synonyms` looks words up; a new word is one word
more in a line here, and tests/ops/test_synonyms.py holds that every line leads to something that exists.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

THEIRS: Mapping[str, str] = {
    # activations
    "identity": "linear none no_activation purelin passthrough",
    "relu": "rectifier rectified_linear rectified_linear_unit ramp",
    "leaky_relu": "lrelu leaky leaky_rectifier leaky_rectified_linear_unit",
    "sigmoid": "σ logistic logistic_sigmoid logistic_function logsig expit sigm unipolar_sigmoid",
    "tanh": "hyperbolic_tangent tansig tangens_hyperbolicus",
    "exp": "exponential",
    "silu": "swish",
    "gelu": "gaussian_error_linear_unit",
    "elu": "exponential_linear_unit",
    "selu": "scaled_exponential_linear_unit",
    "softplus": "smooth_relu",
    "softmax": "softargmax normalized_exponential",
    # losses
    "half_squared_error": "half_mse half_sse squared_error quadratic quadratic_loss quadratic_cost squared_loss "
    "l2_loss l2 l2_error",
    "mse": "mean_squared_error mean_square_error mse_loss squared_error squared_loss l2_loss l2 l2_error",
    "mae": "mean_absolute_error mean_abs_error l1_loss absolute_error l1 l1_error",
    "huber": "huber_loss smooth_l1 smooth_l1_loss",
    "log_cosh": "log_cosh_loss",
    "poisson": "poisson_loss poisson_nll poisson_nll_loss",
    "exp_poisson": "poisson_nll poisson_nll_loss",
    "binary_cross_entropy": "bce bce_loss binary_cross_entropy_loss binary_log_loss log_loss logistic_loss",
    "sigmoid_binary_cross_entropy": "bce_with_logits bce_with_logits_loss binary_cross_entropy_with_logits "
    "sigmoid_cross_entropy sigmoid_cross_entropy_with_logits multi_label_soft_margin_loss",
    "cross_entropy": "ce xent categorical_cross_entropy sparse_categorical_cross_entropy sparse_cross_entropy "
    "cross_entropy_loss categorical_cross_entropy_loss nll nll_loss negative_log_likelihood log_loss "
    "multiclass_log_loss",
    "softmax_cross_entropy": "softmax_loss cross_entropy_with_logits softmax_cross_entropy_with_logits "
    "sparse_softmax_cross_entropy_with_logits",
    "hinge": "hinge_loss",
    "perceptron": "perceptron_criterion perceptron_rule perceptron_loss rosenblatt",
    "multiclass_hinge": "categorical_hinge multi_margin_loss",
    # optimizers
    "sgd": "gradient_descent gd batch_gradient_descent stochastic_gradient_descent mini_batch_gradient_descent "
    "delta_rule backprop backpropagation",
    "momentum": "sgdm sgd_momentum sgd_with_momentum heavy_ball gradient_descent_with_momentum mu μ momentum_factor",
    "nesterov": "nag nesterov_momentum nesterovs_momentum nesterov_accelerated_gradient",
    "rmsprop": "root_mean_square_propagation",
    "adagrad": "adaptive_gradient",
    "adam": "adaptive_moment_estimation",
    "nadam": "nesterov_adam",
    "rprop": "resilient_backpropagation resilient_propagation",
    "lbfgs": "bfgs l_bfgs_b quasi_newton limited_memory_bfgs",
    # schedules
    "constant": "fixed",
    "step": "step_lr step_decay decay lr_decay learning_rate_decay",
    "exponential": "exponential_lr exponential_decay exp_decay decay lr_decay learning_rate_decay",
    "inverse_scaling": "decay lr_decay learning_rate_decay inv_scaling inverse_time_decay time_based_decay "
    "inverse_decay",
    "cosine": "cosine_annealing cosine_annealing_lr cosine_decay cosine_annealing_warm_restarts cosine_decay_restarts",
    "warmup": "linear_warmup linear_lr",
    "one_cycle": "one_cycle_lr one_cycle_policy",
    "plateau": "reduce_lr_on_plateau reduce_on_plateau",
    # initializers
    "zeros": "zero",
    "normal": "random_normal gaussian randn",
    "uniform": "random_uniform rand",
    "glorot_uniform": "glorot xavier xavier_uniform",
    "glorot_normal": "glorot xavier xavier_normal",
    "he_uniform": "he kaiming kaiming_uniform",
    "he_normal": "he kaiming kaiming_normal",
    "lecun_uniform": "lecun",
    "lecun_normal": "lecun",
    # layers
    "dense": "linear fully_connected fc inner_product dense_layer linear_layer perceptron",
    "dropout": "dropout_layer dropout_rate drop_rate",
    "batch_norm": "bn batch_normalization batch_norm_1d",
    "layer_norm": "ln layer_normalization",
    "conv2d": "conv convolution convolution_2d convolutional conv_layer",
    "conv1d": "convolution_1d temporal_convolution",
    "max_pool": "max_pooling max_pooling_1d max_pooling_2d max_pool_1d max_pool_2d",
    "average_pool": "average_pooling average_pooling_1d average_pooling_2d avg_pool avg_pool_1d avg_pool_2d mean_pool",
    "global_average_pool": "global_average_pooling global_average_pooling_1d global_average_pooling_2d gap "
    "adaptive_avg_pool_2d",
    "upsample": "up_sampling up_sampling_1d up_sampling_2d nearest",
    "recurrent": "rnn simple_rnn elman vanilla_rnn",
    "lstm": "long_short_term_memory",
    "gru": "gated_recurrent_unit",
    "embedding": "lookup_table embed entity_embedding",
    "spatial_dropout": "spatial_dropout_1d spatial_dropout_2d dropout_1d dropout_2d",
    "residual": "skip skip_connection shortcut residual_block res_block",
    "parallel": "branch branches inception concatenate concat merge",
    "bidirectional": "bi_rnn bi_lstm bi_gru",
    # names in Python
    "Network": "sequential model module neural_network nn mlp feed_forward",
    "Training": "trainer fit compile train",
    "MLPClassifier": "classifier keras_classifier",
    "MLPRegressor": "regressor keras_regressor",
    "gradcheck": "check_grad gradient_check check_gradient",
    "save": "dump export save_model",
    "load": "load_model restore",
    "StepDecay": "step_lr",
    "ExponentialDecay": "exponential_lr",
    "CosineAnnealing": "cosine_annealing_lr cosine_annealing_warm_restarts cosine_decay cosine_decay_restarts",
    "ReduceOnPlateau": "reduce_lr_on_plateau",
    "ConstantRate": "constant_lr",
    # settings of ops
    "rate": "learning_rate lr learning_rate_init initial_learning_rate eta η eta0 alpha α step_size step_length "
    "learn_rate",
    "rho": "decay_rate smoothing_constant alpha gamma",
    "beta1": "betas",
    "beta2": "betas",
    "epsilon": "eps ε",
    "weight_decay": "decay wd decoupled_weight_decay",
    "alpha": "negative_slope slope leak",
    "p": "rate prob probability dropout dropout_rate drop_prob drop_rate",
    "label_smoothing": "smoothing",
    "delta": "beta",
    "factor": "gamma drop decay_rate lr_decay",
    "every": "step_size period",
    "std": "stddev sigma σ standard_deviation scale",
    "low": "minval minimum a",
    "high": "maxval maximum b",
    "value": "val fill_value",
    "floor": "min_lr eta_min",
    "period": "t_0 t_max first_decay_steps decay_steps",
    # a layer's table, and a network
    "units": "neurons nodes size width out_features output_dim n_units num_units n_neurons num_neurons hidden_units "
    "hidden_size cells",
    "filters": "out_channels n_filters num_filters feature_maps kernels channels",
    "size": "kernel_size kernel pool_size filter_size window window_size embedding_dim",
    "stride": "strides subsample",
    "padding": "pad border_mode",
    "dilation": "dilation_rate",
    "count": "num_embeddings vocabulary_size vocab_size input_dim categories",
    "recurrent_weights": "recurrent_kernel recurrent_initializer weight_hh wh u",
    "returns": "output_mode",
    "reverse": "go_backwards backward",
    "truncate": "bptt truncated_bptt",
    "lengths": "mask masking mask_zero sequence_length sequence_lengths",
    "what": "columns column input",
    "activation": "activation_function act activations transfer transfer_function nonlinearity activation_fn act_fn",
    "bias": "use_bias add_bias has_bias",
    "weights": "kernel kernel_initializer weight_initializer weight_init init initializer initialization w "
    "initial_weights weights_init",
    "biases": "bias_initializer bias_init b initial_biases initial_bias",
    "freeze": "frozen fixed",
    "op": "type kind layer name class layer_type",
    "labels": "names unit_names neuron_names",
    "inputs": "in_features input_dim input_shape input_size n_in n_inputs num_inputs n_features n_features_in features "
    "input x xs rows samples examples patterns x_train",
    "layers": "hidden_layer_sizes hidden hidden_layers hidden_units hidden_sizes layer_sizes hidden_layer layer",
    "loss": "loss_function loss_fn criterion cost cost_function error error_function objective objective_function",
    "dtype": "precision data_type",
    "initial": "initialization weights_init weight_init initial_weights",
    # rows
    "targets": "outputs output target labels label y ys t d desired expected desired_outputs classes y_train",
    "set": "dataset  source",
    "scale": "scaling scaler standardize standardise normalize normalise preprocess normalization",
    "split": "test_split train_test_split holdout",
    "input_divisors": "input_scale",
    "target_divisors": "target_scale",
    # a training
    "optimizer": "solver optimiser optim method algorithm updater",
    "schedule": "lr_schedule scheduler lr_scheduler learning_rate_schedule",
    "batch_size": "batch batches minibatch minibatch_size bs",
    "epochs": "epoch n_epochs num_epochs max_epochs nb_epoch max_iter max_iterations iterations iters n_iter "
    "n_iterations num_iterations steps n_steps max_steps passes",
    "shuffle": "shuffled random_order reshuffle",
    "seed": "random_state random_seed manual_seed rng",
    "target": "target_error target_loss error_goal goal max_error error_threshold desired_error",
    "patience": "n_iter_no_change early_stopping early_stop early_stopping_rounds early_stopping_patience",
    "tolerance": "tol min_delta",
    "time_limit": "timeout max_time max_seconds",
    "keep_best": "restore_best_weights restore_best save_best_only",
    "l1": "l1_penalty l1_reg l1_regularization lasso",
    "l2": "l2_penalty l2_reg l2_regularization regularization regularizer lambda λ lam reg reg_lambda ridge alpha "
    "penalty weight_penalty weight_decay",
    "clip_norm": "global_clipnorm max_grad_norm clip_grad_norm gradient_clip_norm gradient_clipping grad_clip clip",
    "clip_value": "clip_grad_value gradient_clip_value",
    "max_norm": "max_norm_constraint",
    "validation": "validation_data val_data val validation_set eval_set valid valid_data validation_split val_split "
    "validation_fraction",
    "sample_weight": "sample_weights row_weights",
    "metrics": "metric scoring",
    "callbacks": "callback",
    "threads": "n_jobs num_workers workers num_threads n_threads",
    # scores
    "accuracy": "acc binary_accuracy categorical_accuracy sparse_categorical_accuracy",
    # commands and options
    "train": "fit learn",
    "predict": "infer apply",
    "evaluate": "eval score",
    "demo": "example examples",
    "explain": "backprop show",
    "ignore": "drop exclude skip drop_columns exclude_columns",
    "task": "problem problem_type",
    "test": "test_size test_split test_fraction holdout",
    "decay": "weight_decay wd",
    "output": "out out_file output_file save save_to",
    "plugin": "plugins",
    "row": "rows sample example",
    "steps": "step iteration iterations",
    "epoch": "epochs n_epochs num_epochs",
    "digits": "precision decimals places",
    "form": "format",
    "format": "form type",
    "check": "gradcheck gradient_check",
    "keep": "id ids keep_columns",
    "keep_all": "all all_columns",
    "probabilities": "proba predict_proba probability",
}
"""Our word, and the words that stand for it elsewhere; the names known at a place decide among several of ours."""

AS_WRITTEN: Mapping[str, str] = {"Linear": "dense"}
"""Words whose capitals tell: PyTorch's `Linear` is a layer, while "linear" is the identity too."""


class Written(msgspec.Struct, frozen=True):
    """What to write for words that are not one word with us, where a key, an argument or an option `beside` is known.

    `file` is for a network file, `python` for Python and `option` for the command line; an empty one does not apply.
    Of what was given, a number or a text takes the place of the example behind the word, or behind the word `carry`.
    """

    words: str
    beside: str
    file: str = ""
    python: str = ""
    option: str = ""
    carry: str = ""


WRITTEN: tuple[Written, ...] = (
    # keys of [training], arguments of a training, options of `backlit train`
    Written("rate", "optimizer", 'optimizer = { op = "sgd", rate = 0.1 }', "optimizer=bl.SGD(rate=0.1)"),
    Written(
        "momentum",
        "optimizer",
        'optimizer = { op = "momentum", rate = 0.1, momentum = 0.9 }',
        "optimizer=bl.Momentum(rate=0.1, momentum=0.9)",
        "--optimizer momentum",
    ),
    Written(
        "nesterov",
        "optimizer",
        'optimizer = { op = "nesterov", rate = 0.1, momentum = 0.9 }',
        "optimizer=bl.Nesterov(rate=0.1, momentum=0.9)",
        "--optimizer nesterov",
    ),
    Written(
        "beta1 beta2 epsilon",
        "optimizer",
        'optimizer = { op = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }',
        "optimizer=bl.Adam(beta1=0.9, beta2=0.999, epsilon=1e-8)",
    ),
    Written(
        "weight_decay wd",
        "l2",
        'l2 = 0.01, or optimizer = { op = "adamw", weight_decay = 0.01 }',
        "l2=0.01, or optimizer=bl.AdamW(weight_decay=0.01)",
        "--l2 0.01, or --decay 0.01",
        carry="l2",
    ),
    Written("early_stopping early_stop", "patience", "patience = 10", "patience=10"),
    Written(
        "validation_split validation_fraction val_split",
        "sample_weight",
        python="validation=(X, Y), with rows of their own",
    ),
    Written("class_weight class_weights", "sample_weight", python="sample_weight=W, a weight for each row"),
    Written("run_eagerly debug", "compiled", python="compiled=False"),
    Written("loss", "epochs", 'loss = "mse" below [network]', 'bl.Network(..., loss="mse")'),
    Written("units layers activation hidden_layer_sizes", "epochs", "[[network.layers]], a table for each layer"),
    Written(
        "hidden hidden_layer_sizes hidden_layers hidden_units hidden_sizes layer_sizes neurons units",
        "layers",
        "[[network.layers]] with units = 4, a table for each layer",
        "[bl.Dense(4), bl.Dense(1)]",
        "--layers 64,32",
    ),
    # keys of the file, of [network] and of a layer
    Written("layer layers units", "network", "[[network.layers]], a table for each layer"),
    Written(
        "optimizer rate epochs batch_size",
        "layers",
        'optimizer = { op = "sgd", rate = 0.1 }, below [training]',
        "bl.Training(network, X, Y, optimizer=bl.SGD(rate=0.1))",
    ),
    Written("optimizer rate epochs batch_size", "network", 'optimizer = { op = "sgd", rate = 0.1 }, below [training]'),
    Written("loss", "network", 'loss = "mse", below [network]'),
    Written("inputs targets", "network", "inputs = 2 below [network]; rows of inputs and targets below [data]"),
    Written(
        "dropout dropout_rate",
        "units",
        'op = "dropout" and p = 0.5, in a [[network.layers]] table below this one',
        "bl.Dropout(p=0.5) after this layer",
        carry="p",
    ),
    Written("heaviside hardlim step step_function unit_step", "sigmoid", 'loss = "perceptron"', 'loss="perceptron"'),
    Written(
        "negative_slope alpha",
        "units",
        'activation = { op = "leaky_relu", alpha = 0.01 }',
        "activation=bl.LeakyReLU(alpha=0.01)",
        carry="alpha",
    ),
    Written(
        "trainable requires_grad",
        "freeze",
        'freeze = ["W", "b"] where it is false',
        'freeze=("W", "b") where it is False',
    ),
    Written("inputs in_channels", "units", "inputs = 2 below [network]", "bl.Network(..., inputs=2)"),
    Written(
        "inputs in_channels", "filters", "inputs = [28, 28, 1] below [network]", "bl.Network(..., inputs=(28, 28, 1))"
    ),
    Written("return_sequences", "returns", 'returns = "sequence"', 'returns="sequence"'),
    Written(
        "bidirectional",
        "returns",
        'op = "bidirectional" and layer = { op = "gru", units = 4 }',
        "bl.Bidirectional(bl.GRU(4))",
    ),
    Written(
        "num_layers n_layers",
        "returns",
        'returns = "sequence", in a table for each layer but the last',
        'returns="sequence" for each layer but the last',
    ),
    Written("kind type layer_type", "units", 'op = "dense"', carry="op"),
    Written(
        "batch_first time_major", "returns", "nothing: X is (n, steps, numbers)", "nothing: X is (n, steps, numbers)"
    ),
    Written(
        "recurrent_dropout",
        "returns",
        'op = "dropout" and p = 0.5, in a [[network.layers]] table below this one',
        "bl.Dropout(p=0.5) after this layer",
    ),
    Written(
        "mask_zero padding_idx",
        "count",
        'lengths = "length" in the recurrent layers',
        'lengths="length" in the recurrent layers',
    ),
    Written(
        "data_format",
        "stride",
        "nothing: the channels come last",
        "nothing: the channels come last, X is (n, rows, columns, channels)",
    ),
    Written("l1", "units", "l1 = 0.001 below [training]", "bl.Training(..., l1=0.001)"),
    Written("l2 kernel_regularizer regularizer", "units", "l2 = 0.001 below [training]", "bl.Training(..., l2=0.001)"),
    # settings of an optimizer, of dropout and of a loss
    Written(
        "momentum", "rate", '{ op = "momentum", rate = 0.1, momentum = 0.9 }', "bl.Momentum(rate=0.1, momentum=0.9)"
    ),
    Written(
        "nesterov", "rate", '{ op = "nesterov", rate = 0.1, momentum = 0.9 }', "bl.Nesterov(rate=0.1, momentum=0.9)"
    ),
    Written("amsgrad", "beta1", '{ op = "amsgrad" }', "bl.AMSGrad()"),
    Written("keep_prob", "p", "p = 1 - keep_prob", "p = 1 - keep_prob"),
    Written(
        "sse sum_squared_error sum_of_squares sum_of_squared_errors",
        "mse",
        '{ op = "mse", reduction = "sum" }',
        'bl.MSE(reduction="sum")',
    ),
)

ABSENT: Mapping[str, str] = {
    "relu": "relu6 hard_relu bounded_relu threshold",
    "leaky_relu": "prelu rrelu parametric_relu",
    "elu": "celu",
    "silu": "mish hard_swish hard_silu",
    "tanh": "sign signum sgn bipolar_step hard_tanh bipolar_sigmoid lecun_tanh tanhshrink arctan atan",
    "sigmoid": "log_sigmoid perceptron hard_limit binary_step threshold_unit",
    "softmax": "log_softmax softmin sparsemax",
    "mse": "rmse root_mean_squared_error msle mean_squared_logarithmic_error",
    "mae": "mape mean_absolute_percentage_error",
    "cross_entropy": "kl kl_div kl_divergence kld focal_loss categorical_focal_cross_entropy",
    "binary_cross_entropy": "binary_focal_cross_entropy",
    "hinge": "squared_hinge",
    "adam": "adamax radam adabelief adafactor lamb yogi",
    "sgd": "asgd averaged_sgd ftrl lars",
    "lbfgs": "newton levenberg_marquardt trainlm conjugate_gradient cg scg",
    "normal": "truncated_normal variance_scaling",
    "step": "multi_step_lr piecewise_constant",
    "flatten": "reshape",
    "conv2d": "conv_3d conv_2d_transpose conv_transpose_2d depthwise_conv_2d separable_conv_2d",
    "embedding": "embedding_bag",
    "": "attention multi_head_attention transformer group_norm instance_norm maxout rbf",
}
"""What others have and Backlit lacks, under the nearest that it has."""
