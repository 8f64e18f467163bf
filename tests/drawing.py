"""A made result of each plot: a few rows, and what a drawing of them must show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    path: str
    rows: str
    marks: dict[str, int]  # kind of mark, as an SVG of Vega calls it -> how many
    texts: tuple[str, ...]


HOSTILE = "</script><b>"  # a class may be called anything

MADE = {
    "accuracy_by_level": Made(
        "metrics/evaluate/cnn_robustness.csv",
        "condition,level,unit,accuracy,accuracy_low,accuracy_high\nclean,,,0.9,0.8,1.0\n"
        "snr,-5,dB,0.5,0.4,0.6\nsnr,20,dB,0.8,0.7,0.9\ntelephone,linear,,0.7,0.6,0.8\ntelephone,mu_law,,0.6,0.5,0.7\n",
        {"rule mark": 2, "line mark": 2, "area mark": 2, "point": 4},
        ("snr, dB", "telephone", "-5", "mu_law", "100%"),
    ),
    "bars": Made(
        "metrics/decode/formats.csv", "codec,recordings\nopus,3\nopus,4\nulaw,1\n", {"bar": 2}, ("opus", "ulaw")
    ),
    "bars_beside_probes": Made(
        "metrics/rank/families.csv",
        "family,importance_bits,importance_bits_low,importance_bits_high,matters,probes_low,probes_high\n"
        "mfcc,0.4,0.3,0.5,yes,-0.01,0.1\nmel,0.2,0.15,0.25,yes,-0.01,0.1\nprobes,0.05,-0.01,0.1,no,-0.01,0.1\n",
        {"bar": 3, "rule mark": 3, "rect mark": 1},
        ("mfcc", "mel", "probes"),
    ),
    "bars_with_interval": Made(
        "metrics/summarize/scores.csv",
        "model,accuracy,accuracy_low,accuracy_high\ncnn,0.8,0.7,0.9\ndnn,0.6,0.5,0.7\n",
        {"bar": 2, "rule mark": 2},
        ("cnn", "dnn"),
    ),
    "confusion_of_classes": Made(
        "metrics/evaluate/cnn_confusion.csv",
        f"actual,predicted,n_clips,share\nno,no,3,0.75\nno,{HOSTILE},1,0.25\n{HOSTILE},no,0,0.0\n{HOSTILE},{HOSTILE},1,1.0\n",
        {"rect mark": 4, "text mark": 3},
        ("no", HOSTILE, "75", "25", "100"),
    ),
    "curve": Made(
        "metrics/evaluate/cnn_coverage.csv",
        "coverage,risk,n_clips\n0.5,0.0,5\n1.0,0.2,10\n",
        {"line mark": 1},
        ("Risk against coverage of cnn on test", "20%"),
    ),
    "curve_of_seeds": Made(
        "metrics/train/cnn.csv",
        "seed,epoch,val_accuracy\n1,1,0.2\n1,2,0.4\n2,1,0.4\n2,2,0.6\n",
        {"line mark": 3},
        ("Validation accuracy of cnn",),
    ),
    "curve_with_band": Made(
        "metrics/rank/curve.csv",
        "order,n_columns,accuracy,accuracy_low,accuracy_high,"
        "information_bits,information_bits_low,information_bits_high\n"
        "mrmr,5,0.3,0.2,0.4,1.0,0.9,1.1\nmrmr,10,0.5,0.4,0.6,1.5,1.4,1.6\n"
        "effect,5,0.2,0.1,0.3,0.8,0.7,0.9\neffect,10,0.5,0.4,0.6,1.5,1.4,1.6\n",
        {"line mark": 2, "area mark": 2, "point": 4},
        ("mrmr", "effect"),
    ),
    "heat_map": Made(
        "metrics/rank/correlation.csv",
        "column,other,correlation,place,other_place\n"
        "late,late,1.0,10,10\nlate,early,-0.5,10,2\nearly,late,-0.5,2,10\nearly,early,1.0,2,2\n",
        {"rect mark": 4},
        ("late", "early"),
    ),
    "information_against_size": Made(
        "metrics/rank/forms.csv",
        "kind,setting,n_numbers,number_bits,bytes,information_bits,information_bits_low,information_bits_high,"
        "on_front,chosen\n"
        "lda,2 discriminants,2,4,1,1.0,0.9,1.1,yes,no\npca,2 components,2,4,1,0.1,0.0,0.2,no,no\n"
        "columns,9 columns,9,8,9,2.0,1.9,2.1,yes,yes\nmel,9 bands,9,16,18,1.5,1.4,1.6,no,no\n",
        {"point": 5, "rule mark": 4, "line mark": 1, "text mark": 1},  # a point for the ring
        ("lda", "pca", "columns", "mel", "9 columns, 8 bits a number"),
    ),
    "interval_by_class": Made(
        "metrics/rank/classes.csv",
        "column,label,low,quarter,median,three_quarters,high,unit\n"
        f"rms_mean,no,-40,-35,-30,-25,-20,dBFS\nrms_mean,{HOSTILE},-60,-50,-45,-40,-30,dBFS\n"
        f"slope,no,1,2,3,4,5,\nslope,{HOSTILE},1,2,3,4,5,\n",
        {"tick": 4, "rule mark": 8},
        ("rms_mean, dBFS", "slope", "no", HOSTILE),
    ),
    "interval_by_part": Made(
        "metrics/split/loudness.csv",
        "label,part,rms_dbfs,rms_dbfs_low,rms_dbfs_high\nno,train,-30,-40,-20\nno,test,-35,-45,-25\n",
        {"point": 2, "rule mark": 2},
        ("no", "train", "test"),
    ),
    "log_interval_by_part": Made(
        "metrics/split/durations.csv",
        "label,part,recording_s,recording_s_low,recording_s_high\nno,train,1,0.5,1\nno,test,100,10,100\n",
        {"point": 2, "rule mark": 2},
        ("no", "train", "test"),
    ),
    "map_of_clips": Made(
        "metrics/rank/map.csv",
        "method,x,y,label\npca,-1,1,no\npca,2,0,yes\nlda,1,1,no\nlda,0.5,10,yes\n",
        {"point": 4},
        ("principal components", "discriminants", "no", "yes"),
    ),
    "roc_and_det": Made(
        "metrics/evaluate/cnn_detection.csv",
        "label,false_accept_rate,false_reject_rate,hit_rate,n_clips,n_other_clips\n"
        + "".join(
            f"{name},0.0,1.0,0.0,5,9\n{name},0.001,0.5,0.5,5,9\n{name},0.5,0.02,0.98,5,9\n{name},1.0,0.0,1.0,5,9\n"
            for name in ("no", HOSTILE, "_mean_")
        ),
        {"line mark": 6},
        ("no", HOSTILE, "false reject rate", "0.1%", "95%"),
    ),
    "sum_by_part": Made(
        "metrics/split/counts.csv",
        "label,part,n_clips\nno,train,30\nno,test,10\nyes,train,20\nyes,test,5\n",
        {"bar": 4},
        ("no", "yes", "train", "test"),
    ),
}
