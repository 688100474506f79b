//! CPU time and wall time of training steps on arbitrary images, for `benches/compare/train.py`: one line of
//! JSON. Images are not varied: what is measured is the step.
//!
//! `cargo bench --bench step_time -- conv 128 50 1` is family, batch, steps, threads, and where it runs if not
//! on the processor (`cuda`); without them, a few steps of `conv`. `photo` is measured by its reconstruction alone, `photo-tail` from its 14th block on.

use aesearch::images::InputShape;
use aesearch::model::{Architecture, Family};
use aesearch::runtime::{Device, RuntimeOptions, ensure};
use aesearch::train::{Augment, Batch, Pace, TrainOptions, Trainer};
use std::time::Instant;

/// Blocks of `photo` that are left away in `photo-tail`.
const FROZEN: usize = 13;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // cargo adds --bench to what the user says
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let (name, numbers, device) = match arguments.as_slice() {
        [] => ("conv", ["32", "5", "1"], Device::Cpu),
        [family, batch, steps, threads] => (family.as_str(), [batch.as_str(), steps, threads], Device::Cpu),
        [family, batch, steps, threads, device] => {
            (family.as_str(), [batch.as_str(), steps, threads], device.parse()?)
        }
        _ => return Err("expected FAMILY BATCH STEPS THREADS [DEVICE]".into()),
    };
    let [batch, steps, threads] = numbers.map(str::parse::<usize>);
    let (batch, steps, threads) = (batch?, steps?, threads?);
    let family: Family = name.trim_end_matches("-tail").parse()?;
    let shape = match family {
        Family::Photo => InputShape { channels: 3, height: 224, width: 224 },
        _ => InputShape { channels: 1, height: 28, width: 28 },
    };
    let runtime = ensure(&RuntimeOptions::from_env(), &())?;
    let plain = TrainOptions::for_family(family, shape.channels);
    let options = TrainOptions { threads, batch, device, augment: Augment::None, ..plain };
    let architecture = Architecture { head: vec![], ..options.architecture(shape)? };
    let architecture = match name {
        "photo-tail" => architecture.tail(architecture.block_ends()[FROZEN - 1])?,
        _ => architecture,
    };
    let mut trainer = Trainer::new(&runtime, &architecture, &options)?;
    let numbers = Batch::arbitrary(&architecture, batch);
    let pace = Pace { rate: options.learning_rate, decay: options.weight_decay, weight: options.weight };
    let (mut cpu, mut wall) = (vec![], vec![]);
    for step in 0..steps + 5 {
        let (start, cpu_start) = (Instant::now(), cpu_ms()?);
        trainer.step(&numbers, &pace)?;
        if step >= 5 {
            cpu.push(cpu_ms()? - cpu_start);
            wall.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    println!("{}", serde_json::json!({ "cpu_ms": cpu, "wall_ms": wall, "onnxruntime": runtime.version() }));
    Ok(())
}

/// CPU time of this process so far, all threads, in ms.
fn cpu_ms() -> Result<f64, std::io::Error> {
    let mut ns = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let schedule = std::fs::read_to_string(task?.path().join("schedstat"))?;
        ns += schedule.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(ns / 1e6)
}
