output "database_address" {
  description = "Host of DATABASE_URL."
  value       = aws_db_instance.this.address
}

output "database_admin_secret" {
  description = "Secret of Secrets Manager with the password of navi_admin."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "token_key" {
  description = "TOKEN_ENCRYPTION_KEY_ID."
  value       = aws_kms_key.tokens.arn
}

output "server_role" {
  description = "Role of the service account, for the overlay."
  value       = aws_iam_role.server.arn
}

output "registry" {
  description = "Where the image goes, for the overlay."
  value       = aws_ecr_repository.this.repository_url
}

output "cluster" {
  description = "Name for `aws eks update-kubeconfig`."
  value       = aws_eks_cluster.this.name
}

output "file_system" {
  description = "File system of the storage class `efs`."
  value       = aws_efs_file_system.this.id
}

output "backups" {
  description = "Bucket of dumps and checkpoints."
  value       = aws_s3_bucket.backups.bucket
}
