//! Programs that run packages.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::walker::Walker;

impl Walker<'_> {
    /// `npx` runs a package of the project, or downloads one.
    pub(super) fn package(&mut self, call: &Call) {
        if let Some(code) = call.value(&["-c", "--call"]) {
            return self.code(&code, call);
        }
        let operands = call.operands(&["-p", "--package"]);
        let Some(name) = operands.first() else {
            return;
        };
        let package = call
            .value(&["-p", "--package"])
            .unwrap_or_else(|| (*name).clone());
        let at = call.args.iter().position(|arg| arg.text == name.text);
        let inner = Call {
            program: name.text.clone(),
            args: call.args[at.map_or(0, |at| at + 1)..].to_vec(),
            ..call.clone()
        };
        if inner.program == "rimraf" {
            self.deletes(&inner, true);
        }
        self.judge_code(&inner);
        if !self.is_local_package(&package) {
            self.fact(
                "package-not-local",
                &format!("{} {}", call.program, name.text),
                &call.segment,
            );
        }
    }

    fn is_local_package(&self, package: &Field) -> bool {
        const ALIASES: &[(&str, &str)] = &[
            ("tsc", "typescript"),
            ("ng", "@angular/cli"),
            ("nest", "@nestjs/cli"),
            ("sv", "svelte"),
            ("playwright", "@playwright/test"),
            ("biome", "@biomejs/biome"),
            ("tailwindcss", "tailwindcss"),
            ("nx", "nx"),
            ("storybook", "storybook"),
            ("react-scripts", "react-scripts"),
            ("expo", "expo"),
        ];
        let name = package.text.as_str();
        // A version, or the path of a package, is not what the project has installed.
        if !package.is_static()
            || name.contains(':')
            || name.starts_with(['.', '/'])
            || name[1.min(name.len())..].contains('@')
        {
            return false;
        }
        let root = self.places.root();
        if root.join("node_modules/.bin").join(name).exists() {
            return true;
        }
        // A pipe in the place of a file would be waited for.
        let manifest = Some(root.join("package.json")).filter(|path| path.is_file());
        let Some(Ok(file)) = manifest.map(std::fs::File::open) else {
            return false;
        };
        let mut text = String::new();
        let read =
            std::io::Read::read_to_string(&mut std::io::Read::take(file, 256 * 1024), &mut text);
        let alias = ALIASES.iter().find(|(bin, _)| *bin == name);
        read.is_ok()
            && [Some(name), alias.map(|(_, package)| *package)]
                .into_iter()
                .flatten()
                .any(|name| text.contains(&format!("\"{name}\":")))
    }
}
