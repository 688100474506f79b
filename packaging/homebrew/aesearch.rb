# Not run: no machine with Homebrew was at hand; `ruby -c` reads it. `.ci/package` writes a copy with the hash of the
# crate into target/dist.
class Aesearch < Formula
  desc "Similarity search for image collections"
  homepage "https://crates.io/crates/aesearch"
  url "https://static.crates.io/crates/aesearch/aesearch-0.1.0.crate"
  sha256 "@SHA256@" # of the crate, known once it is packaged
  license all_of: [{ any_of: ["MIT", "Apache-2.0"] }, "OFL-1.1"]

  depends_on "rust" => :build
  depends_on "onnxruntime" # found in its folder, if it is 1.24 or newer; else pip fetches one

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"aesearch", "completions")
    system bin/"aesearch", "man", man1
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/aesearch --version")
    assert_match "digits/7/", shell_output("#{bin}/aesearch demo")
  end
end
