# The key that encrypts disks, dumps and secrets.
resource "aws_kms_key" "data" {
  description             = "${var.project} ${var.environment}: data at rest"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

# The key that seals tokens of connected accounts. The server may use it, and nothing else of KMS.
resource "aws_kms_key" "tokens" {
  description             = "${var.project} ${var.environment}: tokens of connected accounts"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "tokens" {
  name          = "alias/${var.project}-${var.environment}"
  target_key_id = aws_kms_key.tokens.key_id
}

# The role of the servers' service account.
data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.cluster.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.cluster.url, "https://", "")}:sub"
      values   = ["system:serviceaccount:${var.project}-${var.environment}:navi"]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.cluster.url, "https://", "")}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "tokens" {
  statement {
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [aws_kms_key.tokens.arn]
  }
}

resource "aws_iam_role" "server" {
  name               = "${var.project}-${var.environment}"
  description        = "Servers in ${var.region}: seals tokens, and nothing else."
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "tokens" {
  name   = "tokens"
  role   = aws_iam_role.server.id
  policy = data.aws_iam_policy_document.tokens.json
}
