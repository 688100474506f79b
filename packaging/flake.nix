# nix run "path:.?dir=packaging" -- demo
# Not run: nixpkgs could not be reached; `nix-instantiate --parse` reads it. It has no lock file for the same reason.
{
  description = "Similarity search for image collections";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "aesearch";
          version = "0.1.0";
          src = ./..;
          cargoLock.lockFile = ../Cargo.lock;
          cargoBuildFlags = [ "--bin" "aesearch" ];
          doCheck = false; # the tests need ONNX Runtime and the network to fetch it
          nativeBuildInputs = [ pkgs.installShellFiles pkgs.makeWrapper ];
          postInstall = ''
            $out/bin/aesearch man man
            installManPage man/*.1
            for shell in bash zsh fish; do
              $out/bin/aesearch completions $shell > completion.$shell
              installShellCompletion --cmd aesearch --$shell completion.$shell
            done
            wrapProgram $out/bin/aesearch --set-default ORT_DYLIB_PATH ${pkgs.onnxruntime}/lib
          '';
          meta.mainProgram = "aesearch";
        };
      });
    };
}
